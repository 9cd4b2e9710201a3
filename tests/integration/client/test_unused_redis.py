"""A client whose Redis no worker has ever used says so: its messages would wait there for good."""

from __future__ import annotations

import asyncio
import logging

import pytest
import redis

from harkara import AsyncClient, Client
from harkara.intake.producer import STREAM
from harkara.ledger.database import Database
from harkara.redis_address import RedisAddress
from harkara.redis_client import connect
from harkara.redis_identity import claim_redis
from harness.valkey import ValkeyServer
from tests.integration.client.worker import ASHA, assert_unavailable, running_worker, wait_for_state

WARNING = "messages handed over to an unused Redis"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "harkara" and one.levelno == logging.WARNING]


def test_a_client_warns_once_and_hands_over_all_the_same(
    valkey_server: ValkeyServer, client: Client, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    handle = client.send("Your table is ready", to=ASHA)
    client.opt_out(ASHA, proof="form")
    (warning,) = warnings(caplog)
    assert warning.startswith(WARNING)
    assert f"{RedisAddress.parse(valkey_server.url).place}, and they wait there until one does" in warning
    with running_worker(valkey_server, db):
        wait_for_state(client, handle, "cancelled")


def test_a_client_of_an_event_loop_warns_too(
    valkey_server: ValkeyServer, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async def call() -> None:
        async with AsyncClient(valkey_server.url) as client:
            await asyncio.gather(*(client.send("Hello", to=ASHA) for _ in range(3)))
            await client.send("Hello", to=ASHA)

    asyncio.run(call())
    assert [warning.partition(":")[0] for warning in warnings(caplog)] == [WARNING]


def test_a_client_of_a_used_redis_does_not_warn_while_no_worker_runs(
    client: Client, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    claim_redis(redis_client, "ledger", "database")
    client.send("Your table is ready", to=ASHA)
    assert warnings(caplog) == []
    assert_unavailable(2.2, lambda: client.status("order 7"), "is one running[?]$")


def test_a_user_who_may_only_append_is_not_refused(
    redis_server: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(redis_server.url, seconds=2) as admin:
        admin.execute_command("ACL", "SETUSER", "app", "on", "nopass", f"~{STREAM}*", "~harkara.accept", "+@all")
        port = RedisAddress.parse(redis_server.url).port
        with Client(f"redis://app:any@127.0.0.1:{port}") as client:
            assert client.send("Your table is ready", to=ASHA).new
        assert admin.xlen(STREAM) == 1
    assert warnings(caplog) == []


def test_a_redis_that_was_away_is_looked_at_later(
    valkey_server: ValkeyServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with valkey_server.suspended(), Client(valkey_server.url, seconds=0.5) as away:
        assert_unavailable(1, lambda: away.send("Hello", to=ASHA))
        assert warnings(caplog) == []
    client.send("Hello", to=ASHA)
    assert len(warnings(caplog)) == 1


def test_a_request_that_no_worker_answers_names_the_unused_redis(client: Client, valkey_server: ValkeyServer) -> None:
    place = RedisAddress.parse(valkey_server.url).place
    assert_unavailable(2.2, lambda: client.status("order 7"), f"is one running[?] No worker has ever used {place}: ")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://app:secret@127.0.0.1:6379/2", "127.0.0.1:6379, database 2"),
        ("unix://app:secret@/run/valkey.sock?db=1", "/run/valkey.sock, database 1"),
        ("sentinel://app:secret@10.0.0.1,10.0.0.2/mymaster/0", "mymaster of the sentinel 10.0.0.1:26379, database 0"),
    ],
)
def test_the_place_of_a_redis_has_no_password(url: str, place: str) -> None:
    assert RedisAddress.parse(url).place == place
