"""An outcome that is recorded after an event never lowers the state, and an arrived message is never sent again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harkara.errors import Conflict
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.commands import cancel, resolve
from harkara.outcomes import Accepted, Outcome, Refused, Uncertain, Wait
from tests.integration.ledger.steps import (
    accept_messages,
    age_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    dispatch_all,
    record_outcome,
    reply,
    row,
    run_sweep,
    trace_of,
)
from tests.integration.ledger.webhooks import (
    begin_again,
    deliver_webhooks,
    post_message,
    process_events,
    send_message,
    state_of,
    status_webhook,
)

UNCERTAIN = Uncertain("reset", "The connection broke.", 20.0)

LATE_OUTCOMES: list[Outcome] = [
    Accepted("job-9", 202),
    Wait(60, "503", "Busy", spent=True, status=503),
    Refused("400", "Bad parameter", "Correct it.", 400),
    Uncertain("read-timeout", "No answer came.", 20.0),
]


@pytest.mark.parametrize("outcome", LATE_OUTCOMES, ids=lambda outcome: type(outcome).__name__)
@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_an_outcome_after_the_event_changes_no_state(db: Database, status: str, outcome: Outcome) -> None:
    claimed = post_message(db, reply())
    deliver_webhooks(db, status_webhook(db, status))
    record_outcome(db, claimed, outcome)
    stored = row(db, claimed.id)
    assert (stored["state"], stored["lease_until"], stored["resend_at"]) == (status, None, None)
    assert stored["job_id"] == getattr(outcome, "job_id", None)
    assert attempts_of(db, claimed.id)[0]["outcome"] == type(outcome).__name__.lower()
    assert audit(db).clean


def test_a_late_acceptance_after_sweep_and_event_adds_the_job_id_only(db: Database) -> None:
    claimed = post_message(db, reply())
    age_messages(db, 31)
    run_sweep(db)
    deliver_webhooks(db, status_webhook(db, "delivered"))
    record_outcome(db, claimed, Accepted("job-9", 202))
    assert (state_of(db, claimed.id), row(db, claimed.id)["job_id"]) == ("delivered", "job-9")
    assert audit(db).clean


def test_the_sweep_ignores_a_message_whose_worker_died_after_the_event(db: Database) -> None:
    claimed = post_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent"))
    age_messages(db, 31)
    assert not run_sweep(db)
    assert state_of(db, claimed.id) == "sent"
    (tried,) = attempts_of(db, claimed.id)
    assert (tried["outcome"], tried["code"]) == ("uncertain", "webhook")
    assert audit(db).clean


def uncertain_message(db: Database) -> str:
    """Return an uncertain message whose resend is due."""
    message_id = send_message(db, reply(), UNCERTAIN)
    age_messages(db, 21)
    return message_id


@pytest.mark.parametrize("state", ["uncertain", "waiting", "queued", "claimed"])
@pytest.mark.parametrize("status", ["sent", "read", "failed"])
def test_a_message_with_an_event_is_not_sent_again(db: Database, state: str, status: str) -> None:
    message_id = uncertain_message(db)
    claimed: list[Claimed] = []
    if state != "uncertain":
        run_sweep(db)
    if state in ("queued", "claimed"):
        assert dispatch_all(db) == [message_id]
    if state == "claimed":
        claimed = claim_messages(db, message_id)
    assert state_of(db, message_id) == state
    deliver_webhooks(db, status_webhook(db, status))
    assert state_of(db, message_id) == status
    assert [begin_again(db, one) for one in claimed] == [False] * len(claimed)
    run_sweep(db)
    assert dispatch_all(db) == []
    assert claim_messages(db, message_id) == []
    assert (state_of(db, message_id), len(attempts_of(db, message_id))) == (status, 1)
    assert audit(db).clean


def test_a_second_try_in_progress_at_the_event_of_the_first_stays_recorded(db: Database) -> None:
    message_id = uncertain_message(db)
    run_sweep(db)
    (again,) = claim_messages(db, message_id)
    assert begin_again(db, again)
    deliver_webhooks(db, status_webhook(db, "delivered"))
    record_outcome(db, again, Accepted("job-10", 202))
    stored = row(db, message_id)
    assert (stored["state"], stored["maybe_duplicate"], stored["job_id"]) == ("delivered", True, "job-10")
    assert audit(db).clean


def test_an_operator_cannot_resolve_a_message_after_its_event(db: Database) -> None:
    message_id = uncertain_message(db)
    deliver_webhooks(db, status_webhook(db, "sent"))
    with pytest.raises(Conflict):
        resolve(db, message_id, "resend", by="Asha")
    assert state_of(db, message_id) == "sent"


def test_the_event_of_the_first_try_stops_an_operators_resend(db: Database) -> None:
    message_id = send_message(db, reply(), Uncertain("reset", "The connection broke.", None))
    resolve(db, message_id, "resend", by="Asha")
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert (state_of(db, message_id), claim_messages(db, message_id)) == ("sent", [])


def test_a_message_resolved_as_sent_still_goes_up_and_a_dropped_one_stays(db: Database) -> None:
    arrived = send_message(db, reply(1), Uncertain("reset", "The connection broke.", None))
    resolve(db, arrived, "sent", by="Asha")
    dropped = send_message(db, reply(2), Uncertain("reset", "The connection broke.", None))
    resolve(db, dropped, "drop", by="Asha")
    deliver_webhooks(db, status_webhook(db, "read", "wamid.1", 1), status_webhook(db, "read", "wamid.2", 2))
    assert [state_of(db, arrived), state_of(db, dropped)] == ["read", "cancelled"]
    assert audit(db).clean


def test_a_message_with_an_event_can_neither_be_cancelled_nor_expire(db: Database) -> None:
    message_id = uncertain_message(db)
    run_sweep(db)
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert cancel(db, [message_id], by="Asha") == []
    age_messages(db, 2 * timedelta(days=1).total_seconds())
    run_sweep(db)
    assert (state_of(db, message_id), trace_of(db, message_id)[-1]) == ("sent", "sent")


def test_an_event_does_not_match_an_unsent_message_with_the_same_content(db: Database) -> None:
    (waiting,) = accept_messages(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert state_of(db, waiting) == "waiting"
    begin_posts(db, *claim_messages(db, waiting))
    assert process_events(db)[EventState.APPLIED] == 0
