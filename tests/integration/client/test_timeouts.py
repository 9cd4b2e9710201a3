"""A service that is down, silent, frozen, full or locked makes a call fail in time, with Unavailable."""

from __future__ import annotations

import os
import signal
import socket

import pytest
from sqlalchemy import text

from harkara import Client, Unavailable
from harkara.intake.producer import STREAM
from harkara.ledger.database import Database
from harkara.ledger.messages.search import list_messages
from harkara.redis_client import connect
from harness.ledger import copied_ledger
from harness.ports import free_port
from harness.postgres import PostgresServer
from harness.valkey import ValkeyServer
from tests.integration.client.worker import ASHA, assert_unavailable, in_time, running_worker, wait_for_state


def test_a_missing_redis_raises_unavailable_at_once() -> None:
    with Client(f"redis://127.0.0.1:{free_port()}") as client:
        assert_unavailable(1, lambda: client.send("Hello", to=ASHA))


def test_a_silent_redis_raises_unavailable_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, Client(f"redis://127.0.0.1:{mute.getsockname()[1]}") as client:
        for call in (lambda: client.send("Hello", to=ASHA), lambda: client.status("order 7")):
            assert_unavailable(2, call)


def test_a_frozen_redis_raises_unavailable_in_time_and_is_used_again_later(
    redis_server: ValkeyServer, db: Database
) -> None:
    with Client(redis_server.url) as client:
        client.send("Hello", to=ASHA)
        with redis_server.suspended():
            for call in (lambda: client.send("Hello", to=ASHA, reference="r"), lambda: client.cancel("order 7")):
                assert_unavailable(2, call, "did not answer")
        client.send("Hello", to=ASHA, reference="r")
        with running_worker(redis_server, db):
            wait_for_state(client, client.send("Hello", to=ASHA, reference="s"), "queued")
    assert sorted(one["reference"] or "" for one in list_messages(db)) == ["", "r", "s"]


def test_a_full_redis_raises_unavailable_until_it_has_memory(redis_server: ValkeyServer) -> None:
    with Client(redis_server.url) as client, connect(redis_server.url, seconds=2) as redis:
        client.send("Hello", to=ASHA)
        redis.config_set("maxmemory", "1")
        for call in (lambda: client.send("Hello", to=ASHA), lambda: client.status("order 7")):
            assert_unavailable(2, call, "full")
        redis.config_set("maxmemory", "0")
        client.send("Hello", to=ASHA)
        assert redis.xlen(STREAM) == 2


def test_with_a_database_a_missing_redis_only_costs_time(db: Database) -> None:
    with Client(f"redis://127.0.0.1:{free_port()}", database_url=str(db.url)) as client:
        with in_time():
            handle = client.send("Hello", to=ASHA)
        assert client.status(handle)["state"] == "queued"


def test_a_silent_database_raises_unavailable_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"postgresql://harkara@127.0.0.1:{mute.getsockname()[1]}/ledger"
        with Client(database_url=url) as client:
            assert_unavailable(3, lambda: client.send("Hello", to=ASHA))


def test_a_frozen_database_raises_unavailable_in_time(postgres_server: PostgresServer) -> None:
    """Its host is up and acknowledges every packet, so TCP does not time out."""
    url = copied_ledger(postgres_server, "frozen")
    database = Database(url)
    with Client(database_url=url) as client:
        client.send("Hello", to=ASHA)
        with database.read() as tx:
            query = "SELECT pid FROM pg_stat_activity WHERE datname = 'frozen' AND pid <> pg_backend_pid()"
            pids = list(tx.execute(text(query)).scalars())
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                os.kill(pid, number)
            if number == signal.SIGSTOP:
                with in_time(), pytest.raises(Unavailable):
                    client.send("Hello", to=ASHA)
        assert client.send("Hello", to=ASHA).new
    database.close()


def test_a_locked_database_raises_unavailable_in_time(db: Database) -> None:
    with Client(database_url=str(db.url), seconds=1) as client, db.write():
        assert_unavailable(2, lambda: client.send("Hello", to=ASHA))
