"""The client: in any application's hands, with Redis alone or with the database, whatever is away."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from harkara import Client, Conflict, Handle, Invalid, NotFound, Template, Text, Unavailable
from harkara.defaults import DEADLINES
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.stream import STREAM, Intake
from harkara.ledger import migrate
from harkara.ledger.contacts.queries import list_contacts
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import list_messages
from harkara.redis_client import connect
from harness.ledger import open_ledger
from harness.ports import free_port
from harness.postgres import PostgresServer
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.integration.ledger.bookings import PLAN
from tests.integration.ledger.steps import row

ASHA = "+91 98765 00001"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}") as database:
        yield database


@pytest.fixture
def client(valkey_server: ValkeyServer) -> Iterator[Client]:
    """One that knows Redis alone."""
    with connect(valkey_server.url, seconds=2) as redis:
        redis.flushall()
    with Client(valkey_server.url, producer="shop") as one:
        yield one


@contextmanager
def worker(valkey_server: ValkeyServer, db: Database) -> Iterator[IntakeConsumer]:
    """A worker's ear at the intake."""
    stop = threading.Event()
    with connect(valkey_server.url, seconds=2) as redis:
        ear = IntakeConsumer(
            Intake(redis, "w"), db, lambda hints: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10
        )

        def listen() -> None:
            while not stop.wait(0.01):
                ear.drain()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield ear
        finally:
            stop.set()
            thread.join()


def eventually(client: Client, handle: Handle, state: str) -> None:
    end = time.monotonic() + 5
    while client.status(handle)["state"] != state:
        assert time.monotonic() < end, client.status(handle)
        time.sleep(0.02)


def test_a_message_goes_by_redis_into_the_ledger(valkey_server: ValkeyServer, client: Client, db: Database) -> None:
    handle = client.send("Your table is ready", to=ASHA, reference="order 7")
    assert (handle.reference, handle.new) == ("order 7", True)
    with worker(valkey_server, db):
        eventually(client, handle, "queued")
        assert client.status("order 7")["id"] == handle.id
    kept = row(db, handle.id)
    assert (kept["recipient"], kept["producer"]) == ("919876500001", "shop")


def test_what_was_handed_over_a_moment_ago_can_be_cancelled(
    valkey_server: ValkeyServer, client: Client, db: Database
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with worker(valkey_server, db):
        handle = client.send(Template("reminder", category="utility"), to=ASHA, at=tomorrow)
        assert client.cancel(handle)
        assert not client.cancel(handle)
        assert client.status(handle)["state"] == "cancelled"


def test_what_nobody_knows_is_not_found(valkey_server: ValkeyServer, client: Client, db: Database) -> None:
    with worker(valkey_server, db):
        with pytest.raises(NotFound):
            client.status("order 8")
        with pytest.raises(NotFound):
            client.cancel("order 8")


def test_an_entry_in_another_workers_hands_is_waited_for(
    valkey_server: ValkeyServer, client: Client, db: Database
) -> None:
    """The one worker has read the message and not committed it yet when the other reads the question."""
    handle = client.send("Your table is ready", to=ASHA)
    with connect(valkey_server.url, seconds=2) as redis:
        slow = Intake(redis, "slow")
        entries = slow.read()
        with worker(valkey_server, db) as ear:
            commit = threading.Timer(0.1, ear.accept, [[client.envelope("Hi", to=ASHA, id=handle.id)]])
            commit.start()
            assert client.status(handle)["id"] == handle.id
            commit.join()
        slow.acknowledge(entries)


def test_many_go_at_once_and_each_gets_its_handle(valkey_server: ValkeyServer, client: Client, db: Database) -> None:
    envelopes = [client.envelope("Hello", to=f"+9198765{n:05d}", reference=f"r{n}") for n in range(1_200)]
    handles = client.send_many(envelopes)
    assert handles == [Handle(e.id, e.reference, True) for e in envelopes]
    with worker(valkey_server, db):
        wait_until(lambda: len(list_messages(db, limit=2_000)) == 1_200, 30, "all are in the ledger")
    assert client.send_many([]) == []


def test_what_breaks_a_rule_fails_in_the_callers_hands(client: Client) -> None:
    with pytest.raises(Invalid, match="to:"):
        client.send("Hello", to="12")
    with pytest.raises(Invalid):
        client.send("", to=ASHA)
    with pytest.raises(Invalid):
        Client()


def test_without_a_worker_messages_are_taken_and_questions_are_not_answered(client: Client) -> None:
    assert client.send("Hello", to=ASHA).new
    with in_time(2.2), pytest.raises(Unavailable, match="is one running"):
        client.status("order 7")


def test_a_number_without_its_code_is_one_of_the_region(valkey_server: ValkeyServer, db: Database) -> None:
    with Client(valkey_server.url, region="SG") as client:
        assert client.envelope("Hello", to="8123 4567").to == "6581234567"


# Services that are away


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def test_a_redis_that_is_not_there_is_said_to_be_so_at_once() -> None:
    with Client(f"redis://127.0.0.1:{free_port()}") as client, in_time(1), pytest.raises(Unavailable):
        client.send("Hello", to=ASHA)


def test_a_redis_that_is_mute_keeps_nobody_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, Client(f"redis://127.0.0.1:{mute.getsockname()[1]}") as client:
        for call in (lambda: client.send("Hello", to=ASHA), lambda: client.status("order 7")):
            with in_time(2), pytest.raises(Unavailable):
                call()


def test_a_redis_that_is_frozen_keeps_nobody_waiting_and_is_used_again_afterwards(
    redis_server: ValkeyServer, db: Database
) -> None:
    with Client(redis_server.url) as client:
        client.send("Hello", to=ASHA)
        with redis_server.suspended():
            for call in (lambda: client.send("Hello", to=ASHA, reference="r"), lambda: client.cancel("order 7")):
                with in_time(2), pytest.raises(Unavailable, match="did not answer"):
                    call()
        client.send("Hello", to=ASHA, reference="r")
        with worker(redis_server, db):
            eventually(client, client.send("Hello", to=ASHA, reference="s"), "queued")
    assert sorted(one["reference"] or "" for one in list_messages(db)) == ["", "r", "s"]


def test_a_redis_that_is_full_takes_nothing_until_it_has_room(redis_server: ValkeyServer) -> None:
    with Client(redis_server.url) as client, connect(redis_server.url, seconds=2) as redis:
        client.send("Hello", to=ASHA)
        redis.config_set("maxmemory", "1")
        for call in (lambda: client.send("Hello", to=ASHA), lambda: client.status("order 7")):
            with in_time(2), pytest.raises(Unavailable, match="full"):
                call()
        redis.config_set("maxmemory", "0")
        client.send("Hello", to=ASHA)
        assert redis.xlen(STREAM) == 2


# With the database


@pytest.fixture
def direct(database_url: str) -> Iterator[Client]:
    """One that writes into the ledger itself, without Redis."""
    database = Database(database_url)
    migrate.upgrade(database)
    database.close()
    with Client(database_url=database_url, producer="shop") as client:
        yield client


def test_with_the_database_the_row_is_there_when_the_call_returns(direct: Client) -> None:
    handle = direct.send("Hello", to=ASHA, reference="order 7")
    assert direct.status("order 7")["state"] == "waiting"
    assert direct.send("Hello", to=ASHA, reference="order 7") == Handle(handle.id, "order 7", new=False)
    with pytest.raises(Conflict):
        direct.send("Something else", to=ASHA, reference="order 7")
    assert direct.cancel(handle)
    with pytest.raises(NotFound):
        direct.status("order 8")


def test_one_that_is_refused_stops_no_other(direct: Client) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    direct.send("Hello", to=ASHA, reference="r")
    batch = [
        direct.envelope("Too late", to=ASHA, expires=past),
        direct.envelope("Something else", to=ASHA, reference="r"),
        direct.envelope("Fine", to=ASHA),
    ]
    assert [type(answer) for answer in direct.send_many(batch)] == [Invalid, Conflict, Handle]


def test_with_both_the_message_is_hinted_and_a_redis_that_is_away_only_costs_time(db: Database) -> None:
    with Client(f"redis://127.0.0.1:{free_port()}", database_url=str(db.url)) as client:
        with in_time(4):
            handle = client.send("Hello", to=ASHA)
        assert client.status(handle)["state"] == "queued"


def test_a_database_that_is_mute_keeps_nobody_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"postgresql://harkara@127.0.0.1:{mute.getsockname()[1]}/ledger"
        with Client(database_url=url) as client, in_time(3), pytest.raises(Unavailable):
            client.send("Hello", to=ASHA)


def test_a_database_that_freezes_keeps_nobody_waiting(postgres_server: PostgresServer) -> None:
    """Its host lives and acknowledges every packet, so that no timeout of TCP helps."""
    url = postgres_server.create_database("frozen")
    database = Database(url)
    migrate.upgrade(database)
    with Client(database_url=url) as client:
        client.send("Hello", to=ASHA)
        with database.read() as tx:
            query = "SELECT pid FROM pg_stat_activity WHERE datname = 'frozen' AND pid <> pg_backend_pid()"
            pids = list(tx.execute(text(query)).scalars())
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                os.kill(pid, number)
            if number == signal.SIGSTOP:
                with in_time(3), pytest.raises(Unavailable):
                    client.send("Hello", to=ASHA)
        assert client.send("Hello", to=ASHA).new
    database.close()


def test_a_database_that_is_locked_keeps_nobody_waiting(db: Database) -> None:
    with Client(database_url=str(db.url), seconds=1) as client, db.write():
        with in_time(2), pytest.raises(Unavailable):
            client.send("Hello", to=ASHA)


def test_a_text_is_a_message_too(direct: Client) -> None:
    """And so is a list of several, which go in one call."""
    one, two = direct.envelope("Hello", to=ASHA), direct.envelope([Text("Hello"), Text("again")], to=ASHA)
    assert (one.kind, two.kind) == ("text", "batch")
    assert [handle.new for handle in direct.send_many([one, two]) if isinstance(handle, Handle)] == [True, True]


def test_an_application_says_what_somebody_wants_through_redis_alone(
    client: Client, valkey_server: ValkeyServer, db: Database
) -> None:
    client.opt_out(ASHA, proof="Ticked off in the profile")
    handle = client.send("Hello", to=ASHA)
    client.opt_in(ASHA, proof="Form of May", category="marketing", lane="north")
    with worker(valkey_server, db):
        wait_until(lambda: list_messages(db), 10, "the worker has read it")
        told = client.status(handle)
        assert (told["state"], told["code"]) == ("cancelled", "opted-out")
    default, north = list_contacts(db, "919876500001")
    assert (default.stopped, north.stopped) == ("everything", None)
    assert north.agreed_at
    assert (default.proofs[0].how, default.proofs[0].proof) == ("application", "Ticked off in the profile")


def test_an_application_at_the_ledger_says_it_and_is_refused_from_then_on(db: Database) -> None:
    with Client(database_url=str(db.url)) as one:
        waiting = one.send("Hello", to=ASHA)
        one.opt_out(ASHA, proof="Ticked off in the profile")
        assert one.status(waiting)["state"] == "cancelled"
        with pytest.raises(Invalid, match=r"^to: wants no more messages"):
            one.send("Hello", to=ASHA)
        one.opt_in(ASHA, proof="Ticked again")
        assert one.send("Hello", to=ASHA).new


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"to": "12"}, "to"),
        ({"proof": " "}, "proof"),
        ({"category": "offers"}, "category"),
        ({"lane": "No lane"}, "lane"),
    ],
)
def test_a_wish_that_breaks_a_rule_is_refused_in_the_callers_hands(
    client: Client, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid, match=f"^{field}: "):
        client.opt_out(**{"to": ASHA, "proof": "Form of May"} | wrong)


def test_what_is_no_wish_stops_nobody_in_the_intake(client: Client, valkey_server: ValkeyServer, db: Database) -> None:
    with connect(valkey_server.url, seconds=2) as redis:
        Intake(redis).append("wish", ["no JSON", "[]", '{"lane": "default"}'])
    client.opt_out(ASHA, proof="Form of May")
    with worker(valkey_server, db):
        wait_until(lambda: is_known(db), 10, "the worker has read it")


def is_known(db: Database) -> bool:
    try:
        return bool(list_contacts(db, "919876500001"))
    except NotFound:
        return False
