"""Stored events are applied once each, in any order and by any number of threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations, product

import pytest
from sqlalchemy import select

from harkara.inbound.normalization import digest
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.events.process import RETRY_SECONDS, process
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.messages.queries import get_status
from harkara.ledger.tables import contact
from harkara.outcomes import Accepted
from tests.integration.ledger.steps import (
    accept_messages,
    otp,
    reply,
    row,
    trace_of,
)
from tests.integration.ledger.webhooks import (
    CONTEXT,
    age_events,
    deliver_webhooks,
    inbound_webhook,
    post_message,
    process_events,
    send_message,
    state_of,
    status_webhook,
    store_webhooks,
    stored_events,
)

APPLIED, ORPHAN, WAITING = EventState.APPLIED.value, EventState.ORPHAN.value, "waiting"

STATUSES = ("sent", "delivered", "read", "failed")
RANKS = {"sent": 1, "failed": 2, "delivered": 3, "read": 4}


def test_each_status_moves_the_message(db: Database) -> None:
    message_id = send_message(db, reply())
    for status in ("sent", "delivered", "read"):
        assert deliver_webhooks(db, status_webhook(db, status)) == Counter({APPLIED: 1})
        assert state_of(db, message_id) == status
    assert row(db, message_id)["whatsapp_id"] == digest("wamid.1")
    assert trace_of(db, message_id) == ["sent", "delivered", "read"]
    assert audit(db).clean


def test_the_trace_shows_each_status_and_how_the_message_was_found(db: Database) -> None:
    message_id = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent"))
    deliver_webhooks(db, status_webhook(db, "read"))
    lines = [(line["event"], line["detail"].split()[0]) for line in get_status(db, message_id)["trace"][-2:]]
    assert lines == [("sent", "by-content"), ("read", "by-id")]


def test_each_status_has_a_trace_line_when_all_arrive_together(db: Database) -> None:
    message_id = send_message(db, reply())
    deliver_webhooks(db, *(status_webhook(db, status) for status in ("sent", "delivered", "read")))
    assert trace_of(db, message_id) == ["sent", "delivered", "read"]


@pytest.mark.parametrize("order", list(permutations(STATUSES)))
def test_every_order_with_repeats_and_threads_ends_in_the_same_state(db: Database, order: Sequence[str]) -> None:
    """Three messages get their events in this order: all together, one by one, and in many threads."""
    ids = [send_message(db, reply(n)) for n in range(3)]
    webhooks = {n: [status_webhook(db, status, f"wamid.{n}", n) for status in order] for n in range(3)}
    assert store_webhooks(db, *webhooks[0], *webhooks[0]) == 4
    for raw in webhooks[1]:
        store_webhooks(db, raw)
        process(db, CONTEXT)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda raw: (store_webhooks(db, raw), process(db, CONTEXT, limit=2)), webhooks[2] * 2))
    process_all(db)
    assert [state_of(db, message_id) for message_id in ids] == ["read"] * 3
    assert {one["state"] for one in stored_events(db)} == {APPLIED}
    assert audit(db).clean


@pytest.mark.parametrize("statuses", [pair for n in (1, 2, 3) for pair in permutations(STATUSES, n)])
def test_the_highest_status_wins_whichever_statuses_arrive(db: Database, statuses: Sequence[str]) -> None:
    message_id = send_message(db, reply(), Accepted("job-of-chatmitra", 202))
    for status in statuses:
        deliver_webhooks(db, status_webhook(db, status, jobId="job-of-chatmitra"))
    assert state_of(db, message_id) == max(statuses, key=RANKS.__getitem__)
    assert audit(db).clean


def test_many_threads_apply_each_event_once(db: Database) -> None:
    ids = [send_message(db, reply(n)) for n in range(12)]
    webhooks = [status_webhook(db, status, f"wamid.{n}", n) for n, status in product(range(12), ("sent", "delivered"))]
    store_webhooks(db, *webhooks)
    with ThreadPoolExecutor(6) as threads:
        done = sum(threads.map(lambda _: process(db, CONTEXT, limit=7), range(24)), Counter[str]())
    process_all(db)
    assert done[APPLIED] <= 24
    assert {state_of(db, message_id) for message_id in ids} == {"delivered"}
    assert {tuple(trace_of(db, message_id)) for message_id in ids} <= {("sent", "delivered"), ("delivered",)}


def test_a_repeated_event_is_stored_once(db: Database) -> None:
    send_message(db, reply())
    again = status_webhook(db, "sent")
    assert (store_webhooks(db, again), store_webhooks(db, again), store_webhooks(db, again, lane="north")) == (1, 0, 1)


def test_an_event_without_a_message_is_an_orphan_after_two_minutes_and_keeps_only_its_outline(db: Database) -> None:
    send_message(db, reply())
    store_webhooks(db, status_webhook(db, "delivered", message={"type": "text", "text": "Typed by hand 482913"}))
    for _ in RETRY_SECONDS:
        assert process_events(db) == Counter({WAITING: 1})
        age_events(db, 30)
    assert process_events(db) == Counter({ORPHAN: 1})
    (orphan,) = stored_events(db)
    assert (orphan["state"], orphan["message_id"]) == ("orphan", None)
    assert "482913" not in orphan["body"]
    assert '"text":"str"' in orphan["body"]
    assert 60 <= sum(RETRY_SECONDS) <= 180


def test_a_one_time_code_is_erased_everywhere_when_its_event_is_applied(db: Database) -> None:
    envelope = otp()
    claimed = post_message(db, envelope)
    deliver_webhooks(
        db,
        status_webhook(
            db, "sent", message={"type": "template", "template": envelope.body()["messages"][0]["template"]}
        ),
    )
    stored = row(db, claimed.id)
    assert (stored["state"], stored["body"], stored["digest"]) == ("sent", None, None)
    assert "493817" not in str(stored_events(db))


def test_a_customers_message_opens_the_window_and_moves_no_message_of_ours(db: Database) -> None:
    message_id = send_message(db, reply())
    assert deliver_webhooks(
        db, inbound_webhook("Your table is ready"), inbound_webhook("Your table is ready")
    ) == Counter({APPLIED: 1})
    with db.read() as tx:
        (stored,) = tx.rows(select(contact))
    assert (stored["lane"], stored["recipient"]) == ("default", "919876500000")
    assert stored["wrote_at"] is not None
    assert state_of(db, message_id) == "accepted"


def test_a_customers_message_does_not_wait_behind_the_statuses_of_an_outage(db: Database) -> None:
    (message_id,) = accept_messages(db, reply())
    store_webhooks(db, *(status_webhook(db, "sent", f"wamid.{n}", n) for n in range(1, 9)))
    store_webhooks(db, inbound_webhook("STOP"))
    assert process(db, CONTEXT, limit=4) == Counter({ORPHAN: 4, APPLIED: 1})
    assert state_of(db, message_id) == "cancelled"
    process_events(db)


def test_an_unknown_event_is_stored_and_not_applied(db: Database) -> None:
    store_webhooks(db, b'{"event":"account.alert","x":1}', b"\xff\x00 no json")
    assert process_events(db) == Counter()
    assert [(one["about"], one["state"]) for one in stored_events(db)] == [
        ("account.alert", "unknown"),
        ("unreadable", "unknown"),
    ]


def test_an_event_whose_processing_fails_stops_no_other(db: Database) -> None:
    message_id = send_message(db, reply())
    broken = replace(CONTEXT, playbook=None)  # type: ignore[arg-type]  # this makes the processing fail
    store_webhooks(
        db,
        status_webhook(db, "failed", error={"code": 131053}),
        status_webhook(db, "sent", "wamid.2", jobId="job-of-chatmitra"),
    )
    done = process(db, broken)
    assert (done[WAITING], done[APPLIED]) == (1, 1)
    assert state_of(db, message_id) == "sent"


def process_all(db: Database) -> None:
    """Process all events, also those that wait for an earlier event of the same message."""
    for _ in RETRY_SECONDS:
        process_events(db)
        age_events(db, 60)
