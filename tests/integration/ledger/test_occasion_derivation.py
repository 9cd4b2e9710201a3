"""Reminders after a change of the rules or the passing of time, and what the sweep and the audit do with them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from harkara.lanes import QuietHours
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.occasions.commands import BATCH_SIZE, rederive
from harkara.ledger.tables import occasion
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.occasions import (
    CONFIG,
    LANE,
    PLAN,
    closing,
    load_plan,
    move_into_past,
    noon,
    occasion_rows,
    reminder_rows,
    rules_and_states,
    save,
    visit,
)
from tests.integration.ledger.steps import (
    DAY,
    run_sweep,
)


@pytest.fixture(autouse=True)
def _audited(db: Database) -> Iterator[None]:
    """Audit the ledger after each test."""
    yield
    assert audit(db).findings == []


def test_edited_rules_replace_only_the_reminders_that_they_change(db: Database, tmp_path: Path) -> None:
    save(db, visit(), visit("later", at=noon(9)), visit("table", kind="reservation", parameters=RESERVATION))
    before = {r["id"] for r in reminder_rows(db)}
    assert rederive(db, PLAN, DEADLINES) == 0
    file = tmp_path / "reminders.toml"
    file.write_text((CONFIG / "reminders.toml").read_text().replace('-2h"\ntemplate = "app', '-3h"\ntemplate = "app'))
    edited = load_plan(str(file))
    assert rederive(db, edited, DEADLINES) == 2
    assert rederive(db, edited, DEADLINES) == 0
    kept = {r["id"] for r in reminder_rows(db, state="waiting")}
    assert len(before - kept) == 2
    assert {r["rule"] for r in reminder_rows(db, state="cancelled")} == {"-2h"}
    assert {r["revision"] for r in reminder_rows(db, "-24h") if r["template"].startswith("app")} == {2}


def test_a_kind_without_rules_has_no_reminders(db: Database, tmp_path: Path) -> None:
    save(db, visit())
    file = tmp_path / "reminders.toml"
    file.write_text((CONFIG / "reminders.toml").read_text().replace(".appointment", ".visit"))
    assert rederive(db, load_plan(str(file)), DEADLINES) == 1
    assert rules_and_states(db) == [("-24h", "cancelled"), ("-2h", "cancelled")]


def test_after_an_outage_useful_reminders_wait_and_the_others_expire(db: Database) -> None:
    save(db, visit(at=noon(3)))
    move_into_past(db, noon(3) - datetime.now(UTC) - timedelta(hours=1))
    run_sweep(db)
    assert [(r["state"], r["code"]) for r in reminder_rows(db)] == [("cancelled", "expired"), ("waiting", None)]


def test_two_workers_derive_each_occasion_once(db: Database, tmp_path: Path) -> None:
    save(db, *(visit(f"v{n}") for n in range(BATCH_SIZE + 1)))
    file = tmp_path / "reminders.toml"
    file.write_text((CONFIG / "reminders.toml").read_text().replace('-2h"\ntemplate = "app', '-3h"\ntemplate = "app'))
    edited = load_plan(str(file))

    def work(_: int) -> int:
        return sum(iter(lambda: rederive(db, edited, DEADLINES), 0))

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(work, range(2))) == BATCH_SIZE + 1
    assert len(reminder_rows(db, "-2h", "waiting")) == BATCH_SIZE + 1
    assert {o["revision"] for o in occasion_rows(db)} == {2}


def test_a_past_occasion_is_not_derived_again(db: Database, tmp_path: Path) -> None:
    save(db, visit(at=noon(-1)))
    file = tmp_path / "reminders.toml"
    file.write_text((CONFIG / "reminders.toml").read_text().replace(".appointment", ".visit"))
    assert rederive(db, load_plan(str(file)), DEADLINES) == 0


def test_new_quiet_hours_move_the_reminders_in_them(db: Database) -> None:
    save(db, visit())
    siesta = QuietHours(time(11, 30), time(13), ZoneInfo("Asia/Kolkata"))
    assert rederive(db, load_plan(lane=replace(LANE, quiet_hours=siesta)), DEADLINES) == 1
    (day,) = reminder_rows(db, "-24h", "waiting")
    assert noon() - day["due_at"] == timedelta(hours=25)
    assert [r["revision"] for r in reminder_rows(db, "-2h")] == [2]


def test_a_rule_whose_template_the_parameters_no_longer_fit_has_no_reminder(db: Database, tmp_path: Path) -> None:
    save(db, visit())
    file = tmp_path / "reminders.toml"
    other = 'template = "reservation_reminder_2h"'
    file.write_text((CONFIG / "reminders.toml").read_text().replace('template = "appointment_reminder_2h"', other))
    edited = load_plan(str(file))
    assert rederive(db, edited, DEADLINES) == 1
    assert rules_and_states(db) == [("-24h", "waiting"), ("-2h", "cancelled")]


def test_the_sweep_erases_the_recipients_of_past_occasions(db: Database) -> None:
    save(db, visit("old"), visit("held", at=noon(9)), visit("gone"), closing(reference="gone"))
    assert run_sweep(db, retention=DAY)["forgotten"] == 0
    move_into_past(db, noon() - datetime.now(UTC) + timedelta(minutes=5))
    assert run_sweep(db)["forgotten"] == 0
    assert run_sweep(db, retention=DAY)["forgotten"] == 1
    move_into_past(db, timedelta(days=1))
    assert run_sweep(db, retention=DAY)["forgotten"] == 1
    assert [(o["reference"], o["recipient"] is None, o["parameters"] is None) for o in occasion_rows(db)] == [
        ("old", True, True),
        ("held", False, False),
        ("gone", True, True),
    ]


def test_the_audit_finds_an_outdated_reminder(db: Database) -> None:
    save(db, visit())
    with db.write() as tx:
        tx.execute(update(occasion).values(revision=2))
    (found,) = audit(db).findings
    assert (found.rule, found.broken) == ("an unsent reminder belongs to its occasion's present revision", 2)
    with db.write() as tx:
        tx.execute(update(occasion).values(revision=1))


RESERVATION = {
    "customer": "Asha",
    "venue": "Saffron",
    "party_size": "4",
    "seating": "Deck",
}
