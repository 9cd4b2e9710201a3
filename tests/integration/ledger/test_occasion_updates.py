"""Saving and closing occasions, and the reminders that follow."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from harkara.errors import Conflict, NotFound
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.commands import cancel
from harkara.ledger.occasions.commands import rederive
from harkara.outcomes import Outcome, Refused, Uncertain, Wait
from harkara.receipt import Change
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.occasions import (
    PLAN,
    VISIT,
    closing,
    noon,
    occasion_rows,
    reminder_rows,
    rules_and_states,
    save,
    visit,
)
from tests.integration.ledger.steps import (
    ACCEPTED,
    begin_posts,
    claim_messages,
    record_outcome,
    row,
    run_sweep,
    trace_of,
    update_message,
)


@pytest.fixture(autouse=True)
def _audited(db: Database) -> Iterator[None]:
    """Audit the ledger after each test."""
    yield
    assert audit(db).findings == []


def test_a_saved_occasion_has_its_reminders(db: Database) -> None:
    at = noon()
    assert save(db, visit(at=at, producer="clinic")) == [Change.CREATED]
    day, hours = reminder_rows(db)
    assert [(r["rule"], at - r["due_at"]) for r in (day, hours)] == [
        ("-24h", timedelta(hours=24)),
        ("-2h", timedelta(hours=2)),
    ]
    assert at - hours["expires_at"] == timedelta(minutes=30)
    assert (hours["producer"], hours["category"], hours["quiet"], hours["revision"]) == ("clinic", "utility", False, 1)
    assert "Dr Rao" in hours["body"]


def test_a_repeated_update_changes_nothing(db: Database) -> None:
    at = noon()
    assert save(db, visit(at=at), visit(at=at)) == [Change.CREATED, Change.UNCHANGED]
    before = reminder_rows(db)
    assert save(db, visit(at=at)) == [Change.UNCHANGED]
    assert reminder_rows(db) == before


def test_a_new_time_supersedes_the_old_reminders_and_adds_new_ones(db: Database) -> None:
    save(db, visit(at=noon(3)))
    old = reminder_rows(db)
    assert save(db, visit(at=noon(5))) == [Change.CHANGED]
    assert [r["code"] for r in reminder_rows(db)] == ["superseded"] * 2 + [None] * 2
    assert trace_of(db, old[0]["id"]) == ["cancelled"]
    assert [noon(5) - r["due_at"] for r in reminder_rows(db, state="waiting")] == [
        timedelta(hours=24),
        timedelta(hours=2),
    ]


def test_an_occasion_that_moves_away_and_back_has_no_reminder_twice(db: Database) -> None:
    save(db, visit(at=noon(3)))
    posted = reminder_rows(db, "-24h")[0]["id"]
    update_message(db, posted, due_at=noon(-1))
    post(db, posted)
    save(db, visit(at=noon(5)))
    save(db, visit(at=noon(3)))
    assert [r["rule"] for r in reminder_rows(db, state="waiting")] == ["-2h"]
    assert len(reminder_rows(db, "-24h", "accepted")) == 1


@pytest.mark.parametrize(
    ("status", "ended"),
    [("cancelled", "was cancelled"), ("completed", "was completed"), ("no-show", "ended as a no-show")],
)
def test_a_closed_occasion_has_no_unsent_reminder(db: Database, status: str, ended: str) -> None:
    save(db, visit())
    assert save(db, closing(status, reason="paid")) == [Change.CHANGED]
    assert rules_and_states(db) == [("-24h", "cancelled"), ("-2h", "cancelled")]
    assert row(db, reminder_rows(db)[0]["id"])["reason"] == f"Its appointment {ended}: paid."
    assert save(db, closing(status, reason="paid")) == [Change.UNCHANGED]


def test_an_occasion_that_is_saved_after_its_closing_is_open_again(db: Database) -> None:
    save(db, visit(), closing(), visit())
    assert rules_and_states(db) == [("-24h", "waiting"), ("-2h", "waiting")]


def test_closing_an_unknown_occasion_is_not_found_and_stops_no_other_update(db: Database) -> None:
    found, saved = save(db, closing(reference="visit 8"), visit())
    assert isinstance(found, NotFound)
    assert saved == Change.CREATED


def test_an_older_version_changes_nothing_and_one_version_has_one_content(db: Database) -> None:
    at, other = noon(4), noon(5)
    assert save(db, visit(at=at, version=2), visit(at=other, version=1)) == [Change.CREATED, Change.OUTDATED]
    (same,) = save(db, visit(at=other, version=2))
    assert isinstance(same, Conflict)
    assert save(db, closing(version=1)) == [Change.OUTDATED]
    assert save(db, visit(at=at, version=2)) == [Change.UNCHANGED]
    assert (occasion_rows(db)[0]["at"], occasion_rows(db)[0]["version"]) == (at, 2)
    assert save(db, visit(at=at, version=3), closing(version=2)) == [Change.UNCHANGED, Change.OUTDATED]
    assert save(db, visit(at=other)) == [Change.CHANGED]
    assert occasion_rows(db)[0]["version"] == 3


def test_concurrent_saves_leave_one_set_of_reminders(db: Database) -> None:
    barrier = Barrier(6)

    def save_both(n: int) -> None:
        barrier.wait(60)
        save(db, visit("visit 9", at=noon(3 + n % 2)), visit("visit 8", at=noon(3)))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(save_both, range(6)))
    assert len(occasion_rows(db)) == 2
    for one in occasion_rows(db):
        waiting = [r for r in reminder_rows(db, state="waiting") if r["occasion_id"] == one["id"]]
        assert [(r["rule"], r["revision"]) for r in waiting] == [("-24h", one["revision"]), ("-2h", one["revision"])]
        assert all(one["at"] - r["due_at"] in (timedelta(hours=24), timedelta(hours=2)) for r in waiting)


def test_new_parameters_replace_only_the_reminders_that_are_not_sent(db: Database) -> None:
    save(db, visit())
    first, _ = reminder_rows(db)
    update_message(db, first["id"], due_at=noon(-1))
    post(db, first["id"])
    save(db, visit(parameters={**VISIT, "place": "Room 5"}))
    assert rules_and_states(db) == [("-24h", "accepted"), ("-2h", "cancelled"), ("-2h", "waiting")]
    assert "Room 5" in reminder_rows(db)[-1]["body"]


def test_a_reminder_that_an_operator_cancelled_stays_cancelled(db: Database) -> None:
    save(db, visit())
    cancel(db, [reminder_rows(db, "-2h")[0]["id"]], by="Asha")
    save(db, visit(parameters={**VISIT, "place": "Room 5"}))
    assert [r["rule"] for r in reminder_rows(db, state="waiting")] == ["-24h"]


def test_a_reminder_that_is_being_posted_during_a_change_is_not_sent_twice(db: Database) -> None:
    save(db, visit())
    sending = claim_reminder(db, "-24h")
    assert begin_posts(db, sending)
    save(db, visit(parameters={**VISIT, "place": "Room 5"}))
    record_outcome(db, sending, ACCEPTED)
    rederive(db, PLAN, DEADLINES)
    assert rules_and_states(db) == [("-24h", "accepted"), ("-2h", "cancelled"), ("-2h", "waiting")]


def test_a_reminder_whose_post_failed_during_a_change_is_sent_with_the_new_text(db: Database) -> None:
    save(db, visit())
    sending = claim_reminder(db, "-24h")
    assert begin_posts(db, sending)
    save(db, visit(parameters={**VISIT, "place": "Room 5"}))
    record_outcome(db, sending, Wait(1, "refused", "Not reachable."))
    assert rederive(db, PLAN, DEADLINES) == 1
    assert rederive(db, PLAN, DEADLINES) == 0
    assert [(r["rule"], "Room 5" in r["body"]) for r in reminder_rows(db, state="waiting")] == [
        ("-2h", True),
        ("-24h", True),
    ]


@pytest.mark.parametrize("outcome", [Uncertain("timeout", "No answer.", 60), Refused("131026", "", "Ask.", 400)])
def test_an_uncertain_or_refused_reminder_has_no_successor(db: Database, outcome: Outcome) -> None:
    save(db, visit())
    sending = claim_reminder(db, "-24h")
    begin_posts(db, sending)
    record_outcome(db, sending, outcome)
    save(db, visit(parameters={**VISIT, "place": "Room 5"}))
    assert len(reminder_rows(db, "-24h")) == 1


def test_an_uncertain_reminder_that_waits_to_be_sent_again_has_no_successor_with_another_text(db: Database) -> None:
    """Its first POST may have arrived, and a new message would not say that it is perhaps the second."""
    save(db, visit())
    sending = claim_reminder(db, "-24h")
    begin_posts(db, sending)
    record_outcome(db, sending, Uncertain("timeout", "No answer.", -1))
    assert run_sweep(db)["resent"] == 1
    save(db, visit(parameters={**VISIT, "place": "Room 5"}))
    assert [(r["state"], r["maybe_duplicate"]) for r in reminder_rows(db, "-24h")] == [("uncertain", True)]
    save(db, visit(to="+919876500002"))
    assert [r["recipient"] for r in reminder_rows(db, "-24h", "waiting")] == ["919876500002"]


def claim_reminder(db: Database, rule: str) -> Claimed:
    (reminder,) = reminder_rows(db, rule, "waiting")
    update_message(db, reminder["id"], due_at=noon(-1))
    (claimed,) = claim_messages(db, reminder["id"])
    return claimed


def post(db: Database, identity: str) -> None:
    (claimed,) = claim_messages(db, identity)
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
