"""A fallback template replaces its message when the 24-hour window is closed."""

from __future__ import annotations

import pytest

from harkara.errors import Conflict
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept, accept_as_failed
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.commands import cancel
from harkara.messages import Template, Text
from harkara.outcomes import Refused, Replaced
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    accept_messages,
    age_messages,
    begin_posts,
    claim_messages,
    otp,
    record_outcome,
    reply,
    row,
    run_sweep,
    send_message,
    states_of,
)
from tests.integration.ledger.webhooks import deliver_webhooks, post_message, state_of, status_webhook

FALLBACK = Template("your_code", body=["493817"], category="authentication")


def test_a_fallback_replaces_the_message_and_keeps_the_other_columns(db: Database) -> None:
    envelope = reply(fallback=FALLBACK, reference="order 7", customer_name="Asha")
    (message_id,) = accept_messages(db, envelope)
    before = row(db, message_id)
    (claimed,) = claim_messages(db, message_id)
    assert claimed.fallback
    record_outcome(db, claimed, Replaced("window-closed", "Its fallback goes instead.", "write_to_us"), posted=False)
    (claimed,) = claim_messages(db, message_id)
    after = row(db, message_id)
    assert (claimed.kind, claimed.template, claimed.category) == ("template", "your_code", "authentication")
    assert not claimed.fallback
    assert '"customer_name":"Asha"' in claimed.body
    for name in ("reference", "digest", "priority", "quiet", "expires_at", "lane", "recipient"):
        assert before[name] == after[name]
    assert accept_messages(db, reply(fallback=FALLBACK, reference="order 7", customer_name="Asha")) == [message_id]
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    assert (row(db, message_id)["body"], row(db, message_id)["fallback"]) == (None, None)
    assert audit(db).clean


@pytest.mark.parametrize("fallback", [Template("your_code", body=["493817"]), Template("write_to_us")])
def test_what_replaces_a_one_time_code_is_one(db: Database, fallback: Template) -> None:
    code = reply(messages=[Text("Your code is 493817")], category="authentication", fallback=fallback)
    (message_id,) = accept_messages(db, code)
    (claimed,) = claim_messages(db, message_id)
    record_outcome(db, claimed, Replaced("window-closed", "Its fallback goes instead."), posted=False)
    (claimed,) = claim_messages(db, message_id)
    assert (claimed.kind, claimed.category) == ("template", "authentication")
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    assert (row(db, message_id)["body"], row(db, message_id)["digest"]) == (None, None)


@pytest.mark.parametrize("status", [None, "sent"])
def test_an_accepted_one_time_code_is_erased_with_its_fallback(db: Database, status: str | None) -> None:
    """The lane has webhooks, which may report a closed window: there is no text any more that could be replaced."""
    claimed = post_message(db, reply(messages=[Text("493817")], category="authentication", fallback=FALLBACK))
    if status:
        deliver_webhooks(db, status_webhook(db, status, message={"type": "text", "text": "493817"}))
    else:
        record_outcome(db, claimed, ACCEPTED)
    assert state_of(db, claimed.id) == (status or "accepted")
    assert (row(db, claimed.id)["body"], row(db, claimed.id)["fallback"]) == (None, None)


def test_the_same_reference_with_another_fallback_is_a_conflict(db: Database) -> None:
    accept_messages(db, reply(reference="order 7"))
    other = reply(reference="order 7", fallback=FALLBACK)
    receipts, _ = accept(db, [other], deadlines=DEADLINES, queued_seconds=10)
    assert isinstance(receipts[0], Conflict)


def test_a_fallback_is_erased_with_its_message(db: Database) -> None:
    accepted = send_message(db, reply(fallback=FALLBACK))
    (refused,) = accept_messages(db, reply(1, fallback=FALLBACK))
    record_outcome(db, claim_messages(db, refused)[0], Refused("132001", "", "No such template."), posted=False)
    accept_as_failed(db, stored := reply(2, fallback=FALLBACK), "reference-conflict", "It is taken.", DEADLINES)
    for message_id in (accepted, refused, stored.id):
        assert row(db, message_id)["fallback"] is None
    doubtful = send_message(db, reply(3, fallback=FALLBACK), LOST)
    assert row(db, doubtful)["fallback"]
    age_messages(db, 100 * 86_400)
    run_sweep(db, retention=86_400)
    assert row(db, doubtful)["fallback"] is None


def test_an_outcome_in_redis_contains_neither_number_nor_text(db: Database) -> None:
    (message_id,) = accept_messages(db, reply(fallback=FALLBACK))
    outcome = Replaced("window-closed", "The template write_to_us goes instead.", "write_to_us", 400)
    stored = ClaimResult.of(claim_messages(db, message_id)[0], outcome, posted=True)
    assert ClaimResult.from_dict(stored.to_dict()) == stored
    assert "493817" not in str(stored.to_dict())
    assert "919876500000" not in str(stored.to_dict())


def test_a_cancelled_message_is_not_replaced(db: Database) -> None:
    (message_id,) = accept_messages(db, otp(fallback=None))
    (other,) = accept_messages(db, reply(fallback=FALLBACK))
    claims = claim_messages(db, message_id, other)
    cancel(db, [message_id, other], by="Asha")
    for claimed in claims:
        record_outcome(db, claimed, Replaced("window-closed", "Its fallback goes instead."), posted=False)
    assert states_of(db, [message_id, other]) == ["cancelled"] * 2
    assert not row(db, other)["replaced"]
