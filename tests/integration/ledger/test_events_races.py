"""Events against our own record: what comes late lowers nothing that an event raised, and nothing goes out again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harkara.errors import Conflict
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.commands import cancel, resolve
from harkara.outcomes import Accepted, Outcome, Refused, Uncertain, Wait
from tests.integration.ledger.hooks import (
    begin_again,
    deliver_webhooks,
    post_message,
    process_events,
    send_message,
    state_of,
    status_webhook,
)
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

DOUBT = Uncertain("reset", "The connection broke.", 20.0)

LATE: list[Outcome] = [
    Accepted("job-9", 202),
    Wait(60, "503", "Busy", spent=True, status=503),
    Refused("400", "Bad parameter", "Correct it.", 400),
    Uncertain("read-timeout", "No answer came.", 20.0),
]


@pytest.mark.parametrize("outcome", LATE, ids=lambda outcome: type(outcome).__name__)
@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_an_outcome_that_comes_after_the_event_changes_no_state(db: Database, status: str, outcome: Outcome) -> None:
    claimed = post_message(db, reply())
    deliver_webhooks(db, status_webhook(db, status))
    record_outcome(db, claimed, outcome)
    kept = row(db, claimed.id)
    assert (kept["state"], kept["lease_until"], kept["resend_at"]) == (status, None, None)
    assert kept["job_id"] == getattr(outcome, "job_id", None)
    assert attempts_of(db, claimed.id)[0]["outcome"] == type(outcome).__name__.lower()
    assert audit(db).clean


def test_a_late_acceptance_after_the_sweep_and_the_event_names_the_job_alone(db: Database) -> None:
    claimed = post_message(db, reply())
    age_messages(db, 31)
    run_sweep(db)
    deliver_webhooks(db, status_webhook(db, "delivered"))
    record_outcome(db, claimed, Accepted("job-9", 202))
    assert (state_of(db, claimed.id), row(db, claimed.id)["job_id"]) == ("delivered", "job-9")
    assert audit(db).clean


def test_a_worker_that_died_after_the_event_leaves_nothing_for_the_sweep(db: Database) -> None:
    claimed = post_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent"))
    age_messages(db, 31)
    assert not run_sweep(db)
    assert state_of(db, claimed.id) == "sent"
    (tried,) = attempts_of(db, claimed.id)
    assert (tried["outcome"], tried["code"]) == ("uncertain", "webhook")
    assert audit(db).clean


def in_doubt(db: Database) -> str:
    """Its resend is due."""
    identity = send_message(db, reply(), DOUBT)
    age_messages(db, 21)
    return identity


@pytest.mark.parametrize("how_far", ["uncertain", "waiting", "queued", "claimed"])
@pytest.mark.parametrize("status", ["sent", "read", "failed"])
def test_what_is_found_to_have_arrived_is_not_sent_once_more(db: Database, how_far: str, status: str) -> None:
    identity = in_doubt(db)
    claimed: list[Claimed] = []
    if how_far != "uncertain":
        run_sweep(db)
    if how_far in ("queued", "claimed"):
        assert dispatch_all(db) == [identity]
    if how_far == "claimed":
        claimed = claim_messages(db, identity)
    assert state_of(db, identity) == how_far
    deliver_webhooks(db, status_webhook(db, status))
    assert state_of(db, identity) == status
    assert [begin_again(db, one) for one in claimed] == [False] * len(claimed)
    run_sweep(db)
    assert dispatch_all(db) == []
    assert claim_messages(db, identity) == []
    assert (state_of(db, identity), len(attempts_of(db, identity))) == (status, 1)
    assert audit(db).clean


def test_a_second_try_that_is_on_its_way_when_the_first_is_found_stays_counted(db: Database) -> None:
    identity = in_doubt(db)
    run_sweep(db)
    (again,) = claim_messages(db, identity)
    assert begin_again(db, again)
    deliver_webhooks(db, status_webhook(db, "delivered"))
    record_outcome(db, again, Accepted("job-10", 202))
    kept = row(db, identity)
    assert (kept["state"], kept["maybe_duplicate"], kept["job_id"]) == ("delivered", True, "job-10")
    assert audit(db).clean


def test_a_person_who_decides_after_the_event_is_told_that_it_needs_no_decision(db: Database) -> None:
    identity = in_doubt(db)
    deliver_webhooks(db, status_webhook(db, "sent"))
    with pytest.raises(Conflict):
        resolve(db, identity, "resend", by="somebody")
    assert state_of(db, identity) == "sent"


def test_what_a_person_sent_again_is_held_back_by_the_event_of_the_first_try(db: Database) -> None:
    identity = send_message(db, reply(), Uncertain("reset", "The connection broke.", None))
    resolve(db, identity, "resend", by="somebody")
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert (state_of(db, identity), claim_messages(db, identity)) == ("sent", [])


def test_what_a_person_saw_arrive_still_climbs_and_what_was_dropped_stays(db: Database) -> None:
    seen = send_message(db, reply(1), Uncertain("reset", "The connection broke.", None))
    resolve(db, seen, "sent", by="somebody")
    dropped = send_message(db, reply(2), Uncertain("reset", "The connection broke.", None))
    resolve(db, dropped, "drop", by="somebody")
    deliver_webhooks(db, status_webhook(db, "read", "wamid.1", 1), status_webhook(db, "read", "wamid.2", 2))
    assert [state_of(db, seen), state_of(db, dropped)] == ["read", "cancelled"]
    assert audit(db).clean


def test_what_arrived_cannot_be_cancelled_or_expire(db: Database) -> None:
    identity = in_doubt(db)
    run_sweep(db)
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert cancel(db, [identity], by="somebody") == []
    age_messages(db, 2 * timedelta(days=1).total_seconds())
    run_sweep(db)
    assert (state_of(db, identity), trace_of(db, identity)[-1]) == ("sent", "sent")


def test_what_never_left_is_no_match_however_alike_it_looks(db: Database) -> None:
    (waiting,) = accept_messages(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert state_of(db, waiting) == "waiting"
    begin_posts(db, *claim_messages(db, waiting))
    assert process_events(db)["folded"] == 0
