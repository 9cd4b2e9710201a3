"""Stored events are deleted after their retention, unless they are not applied yet."""

from __future__ import annotations

from harkara.ledger.contacts.queries import list_contacts
from harkara.ledger.database import Database
from tests.integration.ledger.steps import DAY, reply, run_sweep
from tests.integration.ledger.webhooks import (
    age_events,
    deliver_webhooks,
    inbound_webhook,
    post_message,
    process_events,
    status_webhook,
    store_webhooks,
    stored_events,
)


def test_events_are_deleted_after_their_retention_and_not_within_a_day(db: Database) -> None:
    post_message(db, reply())
    first = status_webhook(db, "sent")
    deliver_webhooks(db, first)
    age_events(db, DAY - 60)
    run_sweep(db, retention=3600)
    assert store_webhooks(db, first) == 0
    age_events(db, 120)
    assert run_sweep(db, retention=2 * DAY)["events"] == 0
    assert run_sweep(db)["events"] == 0
    assert run_sweep(db, retention=3600)["events"] == 1
    assert stored_events(db) == []


def test_an_event_that_is_not_applied_is_not_deleted(db: Database) -> None:
    store_webhooks(db, inbound_webhook("STOP"))
    age_events(db, 3 * DAY)
    assert run_sweep(db, retention=DAY)["events"] == 0
    process_events(db)
    assert list_contacts(db, "919876500000")[0].stopped == "everything"
    assert run_sweep(db, retention=DAY)["events"] == 1
