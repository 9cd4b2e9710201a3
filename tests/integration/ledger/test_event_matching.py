"""A status event is applied to the message that it is about, and to no other."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import EventState
from harkara.messages import Template, Text
from harkara.messages.envelope import Envelope
from harkara.outcomes import Accepted, Uncertain
from tests.integration.ledger.steps import (
    LOST,
    attempts_of,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
)
from tests.integration.ledger.webhooks import (
    age_events,
    deliver_webhooks,
    post_message,
    process_events,
    send_message,
    state_of,
    status_webhook,
)

APPLIED, ORPHAN, WAITING = EventState.APPLIED.value, EventState.ORPHAN.value, "waiting"


def test_a_webhook_that_is_faster_than_our_record_is_applied_later(db: Database) -> None:
    """The job id is all by which it can be matched."""
    claimed = post_message(db, otp())
    assert deliver_webhooks(db, status_webhook(db, "sent", jobId="job-9", to=None, message=None)) == Counter(
        {WAITING: 1}
    )
    record_outcome(db, claimed, Accepted("job-9", 202))
    age_events(db, 2)
    assert process_events(db) == Counter({APPLIED: 1})
    assert state_of(db, claimed.id) == "sent"


@pytest.mark.parametrize(
    "fields",
    [
        {"message": {"type": "text", "text": "Your table is ready!"}},
        {"to": "919876599999"},
        {"message": {"type": "text", "text": None}},
        {"message_id": None, "to": None, "jobId": "job-of-another"},
    ],
    ids=["other text", "another person", "no text", "another job"],
)
def test_a_message_typed_in_the_dashboard_moves_none_of_ours(db: Database, fields: dict[str, Any]) -> None:
    message_id = send_message(db, reply())
    assert deliver_webhooks(db, status_webhook(db, "failed", **fields)) == Counter({WAITING: 1})
    assert state_of(db, message_id) == "accepted"


def test_the_same_text_typed_in_the_dashboard_after_our_first_event_is_an_orphan(db: Database) -> None:
    message_id = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.ours"))
    assert deliver_webhooks(db, status_webhook(db, "failed", "wamid.typed")) == Counter({WAITING: 1})
    assert state_of(db, message_id) == "sent"


def test_an_event_matches_messages_of_its_own_lane_only(db: Database) -> None:
    message_id = send_message(db, reply())
    assert deliver_webhooks(db, status_webhook(db, "sent"), lane="north") == Counter({ORPHAN: 1})
    assert state_of(db, message_id) == "accepted"


def test_two_equal_texts_to_one_person_are_distinguished_by_their_first_events(db: Database) -> None:
    first, second = send_message(db, reply(reference="a")), send_message(db, reply(reference="b"))
    deliver_webhooks(
        db,
        status_webhook(db, "sent", "wamid.1"),
        status_webhook(db, "sent", "wamid.2"),
        status_webhook(db, "read", "wamid.2"),
    )
    assert [state_of(db, first), state_of(db, second)] == ["sent", "read"]


def test_a_template_matches_when_the_event_shows_all_of_it(db: Database) -> None:
    envelope = marketing()
    message_id = send_message(db, envelope)
    template = envelope.body()["messages"][0]["template"]
    deliver_webhooks(db, status_webhook(db, "delivered", message={"type": "template", "template": template}))
    assert state_of(db, message_id) == "delivered"


def test_a_request_with_several_messages_matches_by_its_job_id(db: Database) -> None:
    envelope = Envelope(to="+919876500000", messages=[Text("One"), Text("Two")])
    message_id = send_message(db, envelope, Accepted("job-7", 202))
    assert attempts_of(db, message_id)[0]["echo"] is None
    deliver_webhooks(
        db, status_webhook(db, "sent", "wamid.1", jobId="job-7"), status_webhook(db, "read", "wamid.2", jobId="job-7")
    )
    assert state_of(db, message_id) == "read"


def test_an_event_resolves_an_uncertain_message(db: Database) -> None:
    message_id = send_message(db, reply(), Uncertain("reset", "Connection lost", None))
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert (state_of(db, message_id), row(db, message_id)["code"]) == ("sent", None)
    assert audit(db).clean


def test_an_event_with_only_the_template_name_does_not_match_an_uncertain_message(db: Database) -> None:
    message = Template("payment_reminder", body=["Asha"], category="utility")
    message_id = send_message(db, Envelope(to="+919876500000", messages=[message]), LOST)
    name_only = {"type": "template", "template": {"name": "payment_reminder"}}
    assert deliver_webhooks(db, status_webhook(db, "sent", message=name_only)) == Counter({WAITING: 1})
    assert state_of(db, message_id) == "uncertain"
