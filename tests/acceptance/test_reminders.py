"""Reminders as deployed: hundreds that fall due at once are each sent once, and none for a cancelled occasion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.environment import ROOT
from harkara.catalogue import Catalogue
from harkara.ledger.audit import audit
from harkara.ledger.occasions.commands import save_occasions
from harkara.occasions import Closing, LaneHours, Occasion, ReminderPlan, Rules
from harkara.shared_defaults import DEADLINES
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment

RULES = """
[kind.appointment."before"]
offset = "-170s"
template = "appointment_reminder_2h"
not_before = "-300s"
useful_until = "-1s"
quiet = "ignore"
"""
MANY = 500
CANCELLED = 50


@pytest.mark.timeout(300)
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_two_beats_and_four_workers_send_each_of_500_due_reminders_once(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    (tmp_path / "reminders.toml").write_text(RULES)
    plan = load_plan(tmp_path / "reminders.toml")
    # With 256 connections on a busy host, some responses of the sandbox take longer than usual.
    settings = {"HARKARA_REMINDERS_FILE": str(tmp_path / "reminders.toml"), "HARKARA_READ_TIMEOUT": "15"}
    with deployment(tmp_path, redis_server, database_url, **settings) as harkara:
        at = datetime.now(UTC) + timedelta(seconds=200)
        saved = [visit(n, at, plan) for n in range(MANY + CANCELLED)]
        assert set(map(str, save_occasions(harkara.ledger, saved, plan, DEADLINES))) == {"created"}
        harkara.start_beat()
        harkara.start_beat()
        harkara.start_workers(4)
        closings = [Closing(kind="appointment", reference=each.reference, status="cancelled") for each in saved[MANY:]]
        save_occasions(harkara.ledger, closings, plan, DEADLINES)
        harkara.wait_until(lambda: harkara.states()["accepted"] == MANY, f"{MANY} reminders are accepted")
        assert harkara.states() == {"accepted": MANY, "cancelled": CANCELLED}
        counts = harkara.sandbox.counts()
        assert (counts["accepted"], counts["duplicates"]) == (MANY, 0)
        assert audit(harkara.ledger).clean


def load_plan(rules: Path) -> ReminderPlan:
    catalogue = Catalogue.load(ROOT / "config" / "templates.toml")
    return ReminderPlan(Rules.load(rules), catalogue, {"default": LaneHours(ZoneInfo("Asia/Kolkata"))})


def visit(number: int, at: datetime, plan: ReminderPlan) -> Occasion:
    """Return an appointment with its own number, since the limit for one recipient would delay its reminder."""
    parameters = dict.fromkeys(plan.parameters("appointment"), "42")
    return Occasion(
        kind="appointment",
        reference=f"visit-{number}",
        to=f"+9198{number:08}",
        at=at,
        zone="Asia/Kolkata",
        parameters=parameters,
    )
