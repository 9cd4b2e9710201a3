"""Occasions: saved, moved, ended, and the reminders that follow."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from harkara.defaults import DEADLINES
from harkara.errors import Conflict, NotFound
from harkara.lanes import QuietHours
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.commands import cancel
from harkara.ledger.occasions.commands import BATCH_SIZE, rederive
from harkara.ledger.tables import occasion
from harkara.outcomes import Outcome, Refused, Uncertain, Wait
from harkara.receipt import Change
from tests.integration.ledger.bookings import (
    CONFIG,
    LANE,
    PLAN,
    VISIT,
    noon,
    occasions,
    over,
    plan,
    reminders,
    say,
    shift,
    standing,
    visit,
)
from tests.integration.ledger.steps import (
    ACCEPTED,
    DAY,
    begin_posts,
    claim_messages,
    record_outcome,
    row,
    run_sweep,
    trace_of,
    update_message,
)


@pytest.fixture(autouse=True)
def _clean(db: Database) -> Iterator[None]:
    yield
    assert audit(db).findings == []


def test_saving_an_appointment_plans_its_reminders(db: Database) -> None:
    at = noon()
    assert say(db, visit(at=at, producer="clinic")) == [Change.CREATED]
    day, hours = reminders(db)
    assert [(r["rule"], at - r["due_at"]) for r in (day, hours)] == [
        ("-24h", timedelta(hours=24)),
        ("-2h", timedelta(hours=2)),
    ]
    assert at - hours["expires_at"] == timedelta(minutes=30)
    assert (hours["producer"], hours["category"], hours["quiet"], hours["revision"]) == ("clinic", "utility", True, 1)
    assert "Dr Rao" in hours["body"]


def test_the_same_call_again_changes_nothing(db: Database) -> None:
    at = noon()
    assert say(db, visit(at=at), visit(at=at)) == [Change.CREATED, Change.UNCHANGED]
    before = reminders(db)
    assert say(db, visit(at=at)) == [Change.UNCHANGED]
    assert reminders(db) == before


def test_a_move_cancels_the_old_reminders_and_plans_new_ones(db: Database) -> None:
    say(db, visit(at=noon(3)))
    old = reminders(db)
    assert say(db, visit(at=noon(5))) == [Change.CHANGED]
    assert [r["code"] for r in reminders(db)] == ["superseded"] * 2 + [None] * 2
    assert trace_of(db, old[0]["id"]) == ["cancelled"]
    assert [noon(5) - r["due_at"] for r in reminders(db, state="waiting")] == [timedelta(hours=24), timedelta(hours=2)]


def test_away_and_back_is_one_set_of_reminders_and_none_twice(db: Database) -> None:
    say(db, visit(at=noon(3)))
    posted = reminders(db, "-24h")[0]["id"]
    update_message(db, posted, due_at=noon(-1))
    send(db, posted)
    say(db, visit(at=noon(5)))
    say(db, visit(at=noon(3)))
    assert [r["rule"] for r in reminders(db, state="waiting")] == ["-2h"]
    assert len(reminders(db, "-24h", "accepted")) == 1


@pytest.mark.parametrize("status", ["cancelled", "completed"])
def test_an_appointment_that_is_over_has_no_reminders(db: Database, status: str) -> None:
    say(db, visit())
    assert say(db, over(status, reason="paid")) == [Change.CHANGED]
    assert standing(db) == [("-24h", "cancelled"), ("-2h", "cancelled")]
    assert row(db, reminders(db)[0]["id"])["reason"] == f"Its appointment was {status}: paid."
    assert say(db, over(status, reason="paid")) == [Change.UNCHANGED]


def test_one_that_is_saved_again_after_its_end_is_open_again(db: Database) -> None:
    say(db, visit(), over(), visit())
    assert standing(db) == [("-24h", "waiting"), ("-2h", "waiting")]


def test_the_end_of_what_nobody_knows_is_not_found_and_stops_no_other(db: Database) -> None:
    found, saved = say(db, over(reference="visit 8"), visit())
    assert isinstance(found, NotFound)
    assert saved == Change.CREATED


def test_an_older_version_changes_nothing_and_one_number_says_one_thing(db: Database) -> None:
    at, other = noon(4), noon(5)
    assert say(db, visit(at=at, version=2), visit(at=other, version=1)) == [Change.CREATED, Change.OUTDATED]
    (same,) = say(db, visit(at=other, version=2))
    assert isinstance(same, Conflict)
    assert say(db, over(version=1)) == [Change.OUTDATED]
    assert say(db, visit(at=at, version=2)) == [Change.UNCHANGED]
    assert (occasions(db)[0]["at"], occasions(db)[0]["version"]) == (at, 2)
    assert say(db, visit(at=at, version=3), over(version=2)) == [Change.UNCHANGED, Change.OUTDATED]
    assert say(db, visit(at=other)) == [Change.CHANGED]
    assert occasions(db)[0]["version"] == 3


def test_two_who_save_at_once_make_one_set_of_reminders(db: Database) -> None:
    barrier = Barrier(6)

    def save(n: int) -> None:
        barrier.wait(10)
        say(db, visit("visit 9", at=noon(3 + n % 2)), visit("visit 8", at=noon(3)))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(save, range(6)))
    assert len(occasions(db)) == 2
    for one in occasions(db):
        waiting = [r for r in reminders(db, state="waiting") if r["occasion_id"] == one["id"]]
        assert [(r["rule"], r["revision"]) for r in waiting] == [("-24h", one["revision"]), ("-2h", one["revision"])]
        assert all(one["at"] - r["due_at"] in (timedelta(hours=24), timedelta(hours=2)) for r in waiting)


def test_parameters_that_change_after_one_was_sent_make_only_the_other_new(db: Database) -> None:
    say(db, visit())
    first, _ = reminders(db)
    update_message(db, first["id"], due_at=noon(-1))
    send(db, first["id"])
    say(db, visit(parameters={**VISIT, "place": "Room 5"}))
    assert standing(db) == [("-24h", "accepted"), ("-2h", "cancelled"), ("-2h", "waiting")]
    assert "Room 5" in reminders(db)[-1]["body"]


def test_one_that_a_person_cancelled_stays_cancelled(db: Database) -> None:
    say(db, visit())
    cancel(db, [reminders(db, "-2h")[0]["id"]], by="Asha")
    say(db, visit(parameters={**VISIT, "place": "Room 5"}))
    assert [r["rule"] for r in reminders(db, state="waiting")] == ["-24h"]


def test_one_in_the_middle_of_its_post_is_not_sent_a_second_time(db: Database) -> None:
    say(db, visit())
    sending = claim(db, "-24h")
    assert begin_posts(db, sending)
    say(db, visit(parameters={**VISIT, "place": "Room 5"}))
    record_outcome(db, sending, ACCEPTED)
    rederive(db, PLAN, DEADLINES)
    assert standing(db) == [("-24h", "accepted"), ("-2h", "cancelled"), ("-2h", "waiting")]


def test_one_whose_post_did_not_happen_goes_with_the_new_words(db: Database) -> None:
    say(db, visit())
    sending = claim(db, "-24h")
    assert begin_posts(db, sending)
    say(db, visit(parameters={**VISIT, "place": "Room 5"}))
    record_outcome(db, sending, Wait(1, "refused", "Not reachable."))
    assert rederive(db, PLAN, DEADLINES) == 1
    assert rederive(db, PLAN, DEADLINES) == 0
    assert [(r["rule"], "Room 5" in r["body"]) for r in reminders(db, state="waiting")] == [
        ("-2h", True),
        ("-24h", True),
    ]


@pytest.mark.parametrize("outcome", [Uncertain("timeout", "No answer.", 60), Refused("131026", "", "Ask.", 400)])
def test_what_may_have_arrived_or_was_refused_has_no_second_reminder(db: Database, outcome: Outcome) -> None:
    say(db, visit())
    sending = claim(db, "-24h")
    begin_posts(db, sending)
    record_outcome(db, sending, outcome)
    say(db, visit(parameters={**VISIT, "place": "Room 5"}))
    assert len(reminders(db, "-24h")) == 1


def test_only_what_the_edited_rules_change_is_derived_anew(db: Database, tmp_path: Path) -> None:
    say(db, visit(), visit("later", at=noon(9)), visit("bill", kind="reservation", parameters=TABLE))
    before = {r["id"] for r in reminders(db)}
    assert rederive(db, PLAN, DEADLINES) == 0
    file = tmp_path / "reminders.toml"
    file.write_text((CONFIG / "reminders.toml").read_text().replace('-2h"\ntemplate = "app', '-3h"\ntemplate = "app'))
    edited = plan(str(file))
    assert rederive(db, edited, DEADLINES) == 2
    assert rederive(db, edited, DEADLINES) == 0
    kept = {r["id"] for r in reminders(db, state="waiting")}
    assert len(before - kept) == 2
    assert {r["rule"] for r in reminders(db, state="cancelled")} == {"-2h"}
    assert {r["revision"] for r in reminders(db, "-24h") if r["template"].startswith("app")} == {2}


def test_a_kind_that_is_gone_from_the_rules_reminds_nobody(db: Database, tmp_path: Path) -> None:
    say(db, visit())
    file = tmp_path / "reminders.toml"
    file.write_text((CONFIG / "reminders.toml").read_text().replace("kind.appointment", "kind.visit"))
    assert rederive(db, plan(str(file)), DEADLINES) == 1
    assert standing(db) == [("-24h", "cancelled"), ("-2h", "cancelled")]


def test_after_an_outage_what_still_helps_goes_and_the_rest_is_cancelled_as_expired(db: Database) -> None:
    say(db, visit(at=noon(3)))
    shift(db, noon(3) - datetime.now(UTC) - timedelta(hours=1))
    run_sweep(db)
    assert [(r["state"], r["code"]) for r in reminders(db)] == [("cancelled", "expired"), ("waiting", None)]


def test_the_rounds_of_two_workers_derive_each_occasion_once(db: Database, tmp_path: Path) -> None:
    say(db, *(visit(f"v{n}") for n in range(BATCH_SIZE + 1)))
    file = tmp_path / "reminders.toml"
    file.write_text((CONFIG / "reminders.toml").read_text().replace('-2h"\ntemplate = "app', '-3h"\ntemplate = "app'))
    edited = plan(str(file))

    def work(_: int) -> int:
        return sum(iter(lambda: rederive(db, edited, DEADLINES), 0))

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(work, range(2))) == BATCH_SIZE + 1
    assert len(reminders(db, "-2h", "waiting")) == BATCH_SIZE + 1
    assert {o["revision"] for o in occasions(db)} == {2}


def test_what_is_past_is_not_derived_anew(db: Database, tmp_path: Path) -> None:
    say(db, visit(at=noon(-1)))
    file = tmp_path / "reminders.toml"
    file.write_text((CONFIG / "reminders.toml").read_text().replace("kind.appointment", "kind.visit"))
    assert rederive(db, plan(str(file)), DEADLINES) == 0


def test_other_quiet_hours_move_the_reminders_that_lie_in_them(db: Database) -> None:
    say(db, visit())
    siesta = QuietHours(time(9, 30), time(11), ZoneInfo("Asia/Kolkata"))
    assert rederive(db, plan(lane=replace(LANE, quiet_hours=siesta)), DEADLINES) == 1
    (hours,) = reminders(db, "-2h", "waiting")
    assert noon() - hours["due_at"] == timedelta(hours=2, minutes=31)
    assert [r["revision"] for r in reminders(db, "-24h")] == [2]


def test_parameters_that_no_longer_fill_a_template_are_said_by_show(db: Database, tmp_path: Path) -> None:
    say(db, visit())
    file = tmp_path / "reminders.toml"
    other = 'template = "reservation_reminder_2h"'
    file.write_text((CONFIG / "reminders.toml").read_text().replace('template = "appointment_reminder_2h"', other))
    edited = plan(str(file))
    assert rederive(db, edited, DEADLINES) == 1
    assert standing(db) == [("-24h", "waiting"), ("-2h", "cancelled")]


def test_the_sweep_forgets_whom_a_past_occasion_was_for(db: Database) -> None:
    say(db, visit("old"), visit("held", at=noon(9)), visit("gone"), over(reference="gone"))
    assert run_sweep(db, retention=DAY)["forgotten"] == 0
    shift(db, noon() - datetime.now(UTC) + timedelta(minutes=5))
    assert run_sweep(db)["forgotten"] == 0
    assert run_sweep(db, retention=DAY)["forgotten"] == 1
    shift(db, timedelta(days=1))
    assert run_sweep(db, retention=DAY)["forgotten"] == 1
    assert [(o["reference"], o["recipient"] is None, o["parameters"] is None) for o in occasions(db)] == [
        ("old", True, True),
        ("held", False, False),
        ("gone", True, True),
    ]


def test_the_audit_finds_a_reminder_that_its_occasion_has_moved_past(db: Database) -> None:
    say(db, visit())
    for change_of in ({"revision": 2}, {"status": "cancelled"}):
        with db.write() as tx:
            tx.execute(update(occasion).values(**change_of))
        (found,) = audit(db).findings
        assert (found.rule, found.broken) == ("an unsent reminder belongs to its occasion's present revision", 2)
        with db.write() as tx:
            tx.execute(update(occasion).values(revision=1, status="open"))


TABLE = {
    "customer": "Asha",
    "venue": "Saffron",
    "date": "24 Nov",
    "time": "20:00",
    "party_size": "4",
    "seating": "Deck",
}


def claim(db: Database, rule: str) -> Claimed:
    (one,) = reminders(db, rule, "waiting")
    update_message(db, one["id"], due_at=noon(-1))
    (claimed,) = claim_messages(db, one["id"])
    return claimed


def send(db: Database, identity: str) -> None:
    (claimed,) = claim_messages(db, identity)
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
