"""An opt-out counts wherever it is written: in a text, a caption, a button, an edit or WhatsApp's own menu."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete

from harkara.ledger.database import Database
from harkara.ledger.tables import event
from tests.integration.ledger.outbox import callback_rows
from tests.integration.ledger.poison import poisoned
from tests.integration.ledger.steps import ACCEPTED, accept_messages, marketing, reply, states_of
from tests.integration.ledger.test_inbound_messages import ago, contact_state, proofs
from tests.integration.ledger.webhooks import (
    age_events,
    deliver_webhooks,
    inbound_webhook,
    preference_webhook,
    process_events,
    send_message,
    status_webhook,
    stored_events,
)


@pytest.mark.parametrize(
    ("message", "proof"),
    [
        ({"type": "image", "image": {"id": "1", "caption": "STOP"}}, "STOP"),
        ({"type": "document", "caption": "Please stop"}, "Please stop"),
        ({"type": "text", "text": "Stop. Thank you"}, "Stop. Thank you"),
        ({"type": "interactive", "interactive": {"list_reply": {"id": "row_4", "title": "Stop"}}}, "row_4: Stop"),
        ({"type": "button", "button": {"payload": "p7", "text": "Unsubscribe"}}, "p7: Unsubscribe"),
        ({"type": "edit", "edit": {"message": {"type": "text", "text": {"body": "STOP"}}}}, "STOP"),
    ],
)
def test_an_opt_out_counts_wherever_it_is_written(db: Database, message: dict[str, Any], proof: str) -> None:
    (waiting,) = accept_messages(db, reply(n=1))
    deliver_webhooks(db, inbound_webhook(message=message, n=1))
    assert contact_state(db).stopped == "everything"
    assert proofs(db) == [("opt-out", "everything", "customer", proof)]
    assert states_of(db, [waiting]) == ["cancelled"]


def test_a_choice_in_whatsapps_menu_counts_as_consent_to_marketing(db: Database) -> None:
    ids = accept_messages(db, reply(1), marketing(1))
    deliver_webhooks(db, preference_webhook("stop", 1, ago(minutes=2).timestamp()))
    assert (contact_state(db).stopped, states_of(db, ids)) == ("marketing", ["waiting", "cancelled"])
    assert contact_state(db).wrote_at is None, "it is no message, so it opens no window"
    deliver_webhooks(db, preference_webhook("resume", 1, (resumed := ago(minutes=1)).timestamp()))
    assert (contact_state(db).stopped, contact_state(db).agreed_at) == (None, resumed)
    assert [choice[:3] for choice in proofs(db)] == [
        ("opt-out", "marketing", "customer"),
        ("opt-in", "marketing", "customer"),
    ]


@pytest.mark.parametrize("ours", [True, False])
def test_a_failure_because_marketing_was_stopped_is_an_opt_out(db: Database, *, ours: bool) -> None:
    """Also when the message was typed in the dashboard."""
    (waiting,) = accept_messages(db, marketing(1))
    if ours:
        send_message(db, reply(1))
    deliver_webhooks(db, stopped_marketing(db))
    assert (contact_state(db).stopped, states_of(db, [waiting])) == ("marketing", ["cancelled"])
    age_events(db, 5)
    process_events(db)
    assert len(proofs(db)) == 1


def test_a_failure_whose_first_try_is_rolled_back_is_an_opt_out_at_the_next(callback_db: Database) -> None:
    send_message(callback_db, reply(1))
    with poisoned(callback_db, "UPDATE", "message", "state = 'failed'"):
        deliver_webhooks(callback_db, stopped_marketing(callback_db, jobId=ACCEPTED.job_id))
    assert contact_state(callback_db).stopped is None
    try_again(callback_db)
    assert contact_state(callback_db).stopped == "marketing"
    assert [row["kind"] for row in callback_rows(callback_db)].count("contact.opted-out") == 1


@pytest.mark.parametrize("minutes", [60, -60], ids=["past", "future"])
def test_a_failure_that_is_tried_again_is_reported_as_one_opt_out(callback_db: Database, minutes: int) -> None:
    """It is about no message of ours, so it waits for one. The sender's clock may be wrong."""
    deliver_webhooks(callback_db, stopped_marketing(callback_db, minutes))
    for _ in range(3):
        try_again(callback_db)
    assert [row["tries"] for row in stored_events(callback_db)] == [4]
    assert [row["kind"] for row in callback_rows(callback_db)] == ["contact.opted-out"]


@pytest.mark.parametrize("named_by", [{"message_id": "wamid.1"}, {"message_id": None, "jobId": ACCEPTED.job_id}])
def test_a_failure_that_names_the_message_alone_is_an_opt_out_of_its_recipient(
    db: Database, named_by: dict[str, Any]
) -> None:
    (waiting,) = accept_messages(db, marketing(1))
    send_message(db, reply(1))
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.1", 1))
    deliver_webhooks(db, stopped_marketing(db, to=None, message=None, **named_by))
    assert (contact_state(db).stopped, states_of(db, [waiting])) == ("marketing", ["cancelled"])


def test_a_failure_counts_although_its_row_has_the_id_of_a_deleted_one(db: Database) -> None:
    """SQLite gives the id again when the newest events are deleted."""
    deliver_webhooks(db, stopped_marketing(db, minutes=60))
    with db.write() as tx:
        tx.execute(delete(event))
    deliver_webhooks(db, preference_webhook("resume", 1, ago(minutes=30).timestamp()))
    with db.write() as tx:
        tx.execute(delete(event))
    deliver_webhooks(db, stopped_marketing(db, minutes=1, message_id="wamid.2"))
    assert contact_state(db).stopped == "marketing"


def stopped_marketing(db: Database, minutes: int = 60, **fields: Any) -> bytes:
    """Return the webhook of some minutes ago about a failure because the person has stopped marketing."""
    error = {"code": 131050, "message": "User has stopped"}
    return status_webhook(db, "failed", n=1, error=error, timestamp=ago(minutes=minutes).timestamp(), **fields)


def try_again(db: Database) -> None:
    age_events(db, 60)
    process_events(db)


@pytest.mark.parametrize("kind", ["edit", "revoke"])
def test_a_change_of_an_earlier_message_opens_no_window(db: Database, kind: str) -> None:
    deliver_webhooks(db, inbound_webhook(message={"type": kind, kind: {"original_message_id": "w1"}}, n=1))
    assert contact_state(db).wrote_at is None
    deliver_webhooks(db, inbound_webhook(message={"type": "reaction", "reaction": {"emoji": "👍"}}, wamid="r", n=1))
    assert contact_state(db).wrote_at is not None
