"""The main path over connections that administrators guard, and with fewer of them than the processes need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import NoConnectionLeft
from harness.ledger import copied_ledger
from harness.pgbouncer import PgBouncerUnavailable, pgbouncer
from harness.postgres import PostgresServer, PostgresUnavailable, driver_url
from harness.valkey import ValkeyServer, valkey
from tests.acceptance import http_client
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.guarded_services import (
    MOST_CONNECTIONS,
    GuardedPostgres,
    add_redis_user,
    denied,
    guarded_postgres,
)
from tests.acceptance.messages import CATEGORIES, new_messages
from tests.integration.tls_front import tls_front

NEED = 24
"""The default of HARKARA_DATABASE_CONNECTIONS."""


@pytest.fixture(scope="module")
def guarded() -> Iterator[GuardedPostgres]:
    try:
        with guarded_postgres() as server:
            yield server
    except PostgresUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def send_everywhere(harkara: Deployment) -> None:
    """Send through Redis, over the HTTP API, into the ledger and by beat; each message is sent once."""
    harkara.start_web()
    harkara.start_worker()
    harkara.start_beat()
    envelopes = new_messages(20, CATEGORIES)
    with harkara.client() as client:
        client.send_many(envelopes)
    envelopes += [http_client.send(harkara.web, each) for each in new_messages(5, CATEGORIES)]
    more = new_messages(5, CATEGORIES)
    harkara.accept(more)
    harkara.wait_verdict(envelopes + more).assert_kept()
    assert harkara.states() == {"accepted": 30}
    status = http_client.request(f"{harkara.web}/messages/{envelopes[0].id}")
    assert status["state"] == "accepted"


def test_the_main_path_over_tls_with_a_private_authority_and_a_user_with_few_rights(
    tmp_path: Path, redis_server: ValkeyServer, guarded: GuardedPostgres
) -> None:
    """Both passwords have each character that a URL must encode."""
    user = add_redis_user(redis_server)
    with tls_front(redis_server.port, guarded.tls.certificate) as port:
        redis_url = f"rediss://{user}@localhost:{port}/0?ssl_ca_certs={guarded.tls.authority}"
        settings = {"HARKARA_REDIS_URL": redis_url, **http_client.API_TOKENS}
        url = guarded.tls_url(guarded.create_ledger())
        with deployment(tmp_path, redis_server, url, **settings) as harkara:
            send_everywhere(harkara)
            assert denied(redis_server) == []


def test_the_main_path_through_sockets(tmp_path: Path, guarded: GuardedPostgres) -> None:
    path = guarded.sockets / "valkey.sock"
    with valkey(unixsocket=str(path)) as server:
        settings = {"HARKARA_REDIS_URL": f"unix://{path}?db=3", **http_client.API_TOKENS}
        url = guarded.socket_url(guarded.create_ledger())
        with deployment(tmp_path, server, url, **settings) as harkara:
            send_everywhere(harkara)


def test_the_main_path_through_a_pooler_in_transaction_mode(
    tmp_path: Path, redis_server: ValkeyServer, postgres_server: PostgresServer
) -> None:
    name = copied_ledger(postgres_server).rpartition("/")[2]
    with ExitStack() as stack:
        try:
            url = stack.enter_context(pgbouncer(postgres_server, name, {"ignore_startup_parameters": "options"}))
        except PgBouncerUnavailable as error:
            pytest.skip(str(error))
        with deployment(tmp_path, redis_server, url, **http_client.API_TOKENS) as harkara:
            send_everywhere(harkara)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"host": "127.0.0.1"}, "must have a host name that its certificate has"),
        ({"password": "wrong"}, "correct user and password"),
    ],
)
def test_a_server_that_is_another_or_refuses_is_named_with_the_next_step(
    guarded: GuardedPostgres, options: dict[str, str], sentence: str
) -> None:
    db = Database(guarded.tls_url("postgres", **options), lock_timeout=2)
    with pytest.raises(Unavailable, match=sentence):
        db.now()
    db.close()


def test_a_server_of_an_authority_that_this_host_does_not_trust_is_named(guarded: GuardedPostgres) -> None:
    url = guarded.tls_url("postgres").partition("?")[0]
    db = Database(f"{url}?sslmode=verify-full&sslrootcert=/no/such/file.pem", lock_timeout=2)
    with pytest.raises(Unavailable, match="name the certificate of the server's authority by sslrootcert=FILE"):
        db.now()
    db.close()


def test_a_worker_for_which_postgres_has_no_room_ends_in_a_sentence_and_the_others_go_on(
    tmp_path: Path, redis_server: ValkeyServer, guarded: GuardedPostgres
) -> None:
    name = guarded.create_ledger()
    with deployment(tmp_path, redis_server, guarded.socket_url(name)) as harkara:
        harkara.start_worker()
        second = harkara.start_worker(ready=False, HARKARA_DATABASE_CONNECTIONS="60")
        assert second.popen.wait(60) == 1, "when the first has ended, there is room"
        room = MOST_CONNECTIONS - 3
        assert (
            f"this process needs up to 60, the processes before it {NEED}, others use 0, and max_connections "
            f"allows {room}, {NEED + 60 - room} too few: raise it, lower HARKARA_DATABASE_CONNECTIONS"
        ) in second.output()
        largest = harkara.start_worker(ready=False, HARKARA_DATABASE_CONNECTIONS="90")
        assert largest.popen.wait(60) == os.EX_CONFIG, "there is room for it never"
        harkara.start_worker()
        harkara.deliver(new_messages(40, CATEGORIES)).assert_kept()
        doctor = harkara.start("doctor", "harkara", "doctor", COLUMNS="300")
        doctor.popen.wait(60)
        assert f"the processes need at most {2 * NEED} of {room} (max_connections); others use 0" in doctor.output()


def test_a_worker_that_gets_no_connection_at_all_says_how_many_it_needs(
    tmp_path: Path, redis_server: ValkeyServer, guarded: GuardedPostgres
) -> None:
    url = guarded.socket_url(guarded.create_ledger())
    with ExitStack() as others, deployment(tmp_path, redis_server, url) as harkara:
        for _ in range(MOST_CONNECTIONS):
            try:
                others.enter_context(psycopg.connect(driver_url(url)))
            except psycopg.OperationalError:
                break
        with pytest.raises(NoConnectionLeft):
            harkara.ledger.now()
        worker = harkara.start_worker(ready=False)
        assert worker.popen.wait(60) == 1
        assert "if its limit (max_connections) is too small for all processes, raise it" in worker.output()
        assert f"this process needs up to {NEED}" in worker.output()
