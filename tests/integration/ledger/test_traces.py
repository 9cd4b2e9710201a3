"""A trace says what happened, when, and what follows, also after a late answer and after a wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from harkara.json_record import iso, iso_seconds
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from harkara.outcomes import Uncertain, Wait
from tests.integration.ledger.steps import (
    accept_messages,
    claim_messages,
    record_outcome,
    reply,
    row,
    send_message,
    trace_of,
)
from tests.integration.ledger.webhooks import deliver_webhooks, post_message, status_webhook

UNKNOWN = "The connection broke before Chat Mitra answered; it is unknown whether it accepted the message."


def _last(db: Database, identity: str) -> str:
    entry = get_status(db, identity).trace[-1]
    return f"{entry.event} {entry.detail}"


def test_the_first_due_time_stays_in_the_trace_after_a_wait(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    first = row(db, identity)["due_at"]
    (claimed,) = claim_messages(db, identity)
    record_outcome(db, claimed, Wait(3600, "quiet-hours", "Quiet hours."), posted=False)
    now = row(db, identity)
    assert now["due_at"] > first + timedelta(minutes=59)
    assert get_status(db, identity).trace[0].detail == f"due {iso(first)}"
    assert _last(db, identity) == f"waiting quiet-hours Quiet hours. Due {iso(now['due_at'])}."


def test_a_message_of_an_earlier_release_shows_its_present_due_time(db: Database) -> None:
    (identity,) = accept_messages(db, reply(at=datetime.now(UTC) + timedelta(hours=1)))
    with db.write() as tx:
        tx.execute(text("UPDATE message SET planned_at = NULL"))
    assert get_status(db, identity).trace[0].detail == f"due {iso(row(db, identity)['due_at'])}"


def test_a_lost_answer_after_a_webhook_leaves_nothing_unknown(db: Database) -> None:
    claimed = post_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "read"))
    record_outcome(db, claimed, Uncertain("read-timeout", UNKNOWN, None))
    assert get_status(db, claimed.id).state == "read"
    assert "unknown" not in _last(db, claimed.id)
    assert _last(db, claimed.id).endswith("a webhook had already shown that the message was read.")


@pytest.mark.parametrize(
    ("after", "on_evidence", "follows"),
    [
        (None, False, "Harkara does not send it again by itself."),
        (20.0, False, "Harkara sends it again at {}, unless a webhook shows by then that it arrived."),
        (600.0, True, "Harkara sends it again at {}, if webhooks show by then that it did not arrive."),
    ],
)
def test_an_uncertain_message_says_what_follows(
    db: Database, after: float | None, on_evidence: bool, follows: str
) -> None:
    identity = send_message(db, reply(), Uncertain("read-timeout", UNKNOWN, after, None, on_evidence))
    again = row(db, identity)["resend_at"]
    sentence = f"{UNKNOWN} {follows.format(again and iso_seconds(again))}"
    assert get_status(db, identity).reason == sentence
    assert trace_of(db, identity)
    assert _last(db, identity).endswith(sentence)
