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
from tests.integration.ledger.hooks import fold_all, hook, post, post_again, send, state, tell
from tests.integration.ledger.steps import (
    attempts,
    clean_up,
    dispatch_all,
    end,
    events,
    later,
    letter,
    put,
    row,
    start,
    take,
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
    claimed = post(db, letter())
    tell(db, hook(db, status))
    end(db, claimed, outcome)
    kept = row(db, claimed.id)
    assert (kept["state"], kept["lease_until"], kept["resend_at"]) == (status, None, None)
    assert kept["job_id"] == getattr(outcome, "job_id", None)
    assert attempts(db, claimed.id)[0]["outcome"] == type(outcome).__name__.lower()
    assert audit(db).clean


def test_a_late_acceptance_after_the_sweep_and_the_event_names_the_job_alone(db: Database) -> None:
    claimed = post(db, letter())
    later(db, 31)
    clean_up(db)
    tell(db, hook(db, "delivered"))
    end(db, claimed, Accepted("job-9", 202))
    assert (state(db, claimed.id), row(db, claimed.id)["job_id"]) == ("delivered", "job-9")
    assert audit(db).clean


def test_a_worker_that_died_after_the_event_leaves_nothing_for_the_sweep(db: Database) -> None:
    claimed = post(db, letter())
    tell(db, hook(db, "sent"))
    later(db, 31)
    assert not clean_up(db)
    assert state(db, claimed.id) == "sent"
    (tried,) = attempts(db, claimed.id)
    assert (tried["outcome"], tried["code"]) == ("uncertain", "webhook")
    assert audit(db).clean


def in_doubt(db: Database) -> str:
    """Its resend is due."""
    identity = send(db, letter(), DOUBT)
    later(db, 21)
    return identity


@pytest.mark.parametrize("how_far", ["uncertain", "waiting", "queued", "claimed"])
@pytest.mark.parametrize("status", ["sent", "read", "failed"])
def test_what_is_found_to_have_arrived_is_not_sent_once_more(db: Database, how_far: str, status: str) -> None:
    identity = in_doubt(db)
    claimed: list[Claimed] = []
    if how_far != "uncertain":
        clean_up(db)
    if how_far in ("queued", "claimed"):
        assert dispatch_all(db) == [identity]
    if how_far == "claimed":
        claimed = take(db, identity)
    assert state(db, identity) == how_far
    tell(db, hook(db, status))
    assert state(db, identity) == status
    assert [post_again(db, one) for one in claimed] == [False] * len(claimed)
    clean_up(db)
    assert dispatch_all(db) == []
    assert take(db, identity) == []
    assert (state(db, identity), len(attempts(db, identity))) == (status, 1)
    assert audit(db).clean


def test_a_second_try_that_is_on_its_way_when_the_first_is_found_stays_counted(db: Database) -> None:
    identity = in_doubt(db)
    clean_up(db)
    (again,) = take(db, identity)
    assert post_again(db, again)
    tell(db, hook(db, "delivered"))
    end(db, again, Accepted("job-10", 202))
    kept = row(db, identity)
    assert (kept["state"], kept["maybe_duplicate"], kept["job_id"]) == ("delivered", True, "job-10")
    assert audit(db).clean


def test_a_person_who_decides_after_the_event_is_told_that_it_needs_no_decision(db: Database) -> None:
    identity = in_doubt(db)
    tell(db, hook(db, "sent"))
    with pytest.raises(Conflict):
        resolve(db, identity, "resend", by="somebody")
    assert state(db, identity) == "sent"


def test_what_a_person_sent_again_is_held_back_by_the_event_of_the_first_try(db: Database) -> None:
    identity = send(db, letter(), Uncertain("reset", "The connection broke.", None))
    resolve(db, identity, "resend", by="somebody")
    tell(db, hook(db, "sent"))
    assert (state(db, identity), take(db, identity)) == ("sent", [])


def test_what_a_person_saw_arrive_still_climbs_and_what_was_dropped_stays(db: Database) -> None:
    seen = send(db, letter(1), Uncertain("reset", "The connection broke.", None))
    resolve(db, seen, "sent", by="somebody")
    dropped = send(db, letter(2), Uncertain("reset", "The connection broke.", None))
    resolve(db, dropped, "drop", by="somebody")
    tell(db, hook(db, "read", "wamid.1", 1), hook(db, "read", "wamid.2", 2))
    assert [state(db, seen), state(db, dropped)] == ["read", "cancelled"]
    assert audit(db).clean


def test_what_arrived_cannot_be_cancelled_or_expire(db: Database) -> None:
    identity = in_doubt(db)
    clean_up(db)
    tell(db, hook(db, "sent"))
    assert cancel(db, [identity], by="somebody") == []
    later(db, 2 * timedelta(days=1).total_seconds())
    clean_up(db)
    assert (state(db, identity), events(db, identity)[-1]) == ("sent", "sent")


def test_what_never_left_is_no_match_however_alike_it_looks(db: Database) -> None:
    (waiting,) = put(db, letter())
    tell(db, hook(db, "sent"))
    assert state(db, waiting) == "waiting"
    start(db, *take(db, waiting))
    assert fold_all(db)["folded"] == 0
