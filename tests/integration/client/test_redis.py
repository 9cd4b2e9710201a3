"""A client with Redis alone: a worker commits its messages and answers its requests."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from harkara import Client, Handle, Invalid, NotFound, Template
from harkara.intake.stream import Intake
from harkara.ledger.database import Database
from harkara.ledger.messages.search import list_messages
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.integration.client.worker import ASHA, assert_unavailable, running_worker, wait_for_state
from tests.integration.ledger.steps import row


def test_a_worker_commits_a_message_to_the_ledger(valkey_server: ValkeyServer, client: Client, db: Database) -> None:
    handle = client.send("Your table is ready", to=ASHA, reference="order 7")
    assert (handle.reference, handle.new) == ("order 7", True)
    with running_worker(valkey_server, db):
        wait_for_state(client, handle, "queued")
        assert client.status("order 7")["id"] == handle.id
    kept = row(db, handle.id)
    assert (kept["recipient"], kept["producer"]) == ("919876500001", "shop")


def test_a_message_can_be_cancelled_at_once(valkey_server: ValkeyServer, client: Client, db: Database) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with running_worker(valkey_server, db):
        handle = client.send(Template("reminder", category="utility"), to=ASHA, at=tomorrow)
        assert client.cancel(handle)
        assert not client.cancel(handle)
        assert client.status(handle)["state"] == "cancelled"


def test_an_unknown_reference_is_not_found(valkey_server: ValkeyServer, client: Client, db: Database) -> None:
    with running_worker(valkey_server, db):
        with pytest.raises(NotFound):
            client.status("order 8")
        with pytest.raises(NotFound):
            client.cancel("order 8")


def test_a_request_waits_for_a_message_that_another_worker_has_not_committed(
    valkey_server: ValkeyServer, client: Client, db: Database
) -> None:
    """One worker has read the message and not committed it when the other reads the request."""
    handle = client.send("Your table is ready", to=ASHA)
    with connect(valkey_server.url, seconds=2) as redis:
        slow = Intake(redis, "slow")
        entries = slow.read()

        with running_worker(valkey_server, db) as consumer:

            def commit() -> None:
                consumer.accept([client.envelope("Your table is ready", to=ASHA, id=handle.id)])
                slow.acknowledge(entries)

            # Longer than a worker needs to answer "not found" at once.
            later = threading.Timer(0.4, commit)
            later.start()
            assert client.status(handle)["id"] == handle.id
            later.join()


def test_send_many_returns_a_handle_for_each_message(valkey_server: ValkeyServer, client: Client, db: Database) -> None:
    envelopes = [client.envelope("Hello", to=f"+9198765{n:05d}", reference=f"r{n}") for n in range(1_200)]
    handles = client.send_many(envelopes)
    assert handles == [Handle(e.id, e.reference, True) for e in envelopes]
    with running_worker(valkey_server, db):
        wait_until(lambda: len(list_messages(db, limit=2_000)) == 1_200, 60, "all are in the ledger")
    assert client.send_many([]) == []


def test_an_argument_that_breaks_a_rule_raises_invalid(client: Client) -> None:
    with pytest.raises(Invalid, match="to:"):
        client.send("Hello", to="12")
    with pytest.raises(Invalid):
        client.send("", to=ASHA)
    with pytest.raises(Invalid):
        Client()


def test_without_a_worker_messages_are_stored_and_requests_time_out(client: Client) -> None:
    assert client.send("Hello", to=ASHA).new
    assert_unavailable(2.2, lambda: client.status("order 7"), "is one running")


def test_a_number_without_a_country_code_is_one_of_the_region(valkey_server: ValkeyServer, db: Database) -> None:
    with Client(valkey_server.url, region="SG") as client:
        assert client.envelope("Hello", to="8123 4567").to == "6581234567"
