"""`harkara alarms` and `harkara goals`: list, acknowledge and export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harkara.ledger.database import Database
from harness.ledger import open_ledger
from tests.integration.command.deployment import Harkara
from tests.integration.ledger.alarms import measured, open_one, wait_minutes


@pytest.fixture
def ledger(environment: dict[str, str]) -> Iterator[Database]:
    with open_ledger(environment["HARKARA_DATABASE_URL"]) as db:
        yield db


def test_open_alarms_are_listed_acknowledged_and_named_by_the_doctor(harkara: Harkara, ledger: Database) -> None:
    assert harkara("alarms", "list").stdout == "No alarm is open.\n"
    identity = open_one(ledger)
    shown = harkara("alarms", "list").stdout
    assert identity in shown
    assert "9 messages failed in 1 h; the goal is at most 5." in shown
    (check,) = alarm_checks(harkara)
    assert (check["check"], check["well"]) == ("alarm errors (lane default)", False)
    result = harkara("alarms", "acknowledge", identity, "--by", "Asha")
    assert (result.exit_code, result.stdout) == (0, f"{identity}  errors (lane default): acknowledged by Asha\n")
    (check,) = alarm_checks(harkara)
    assert (check["well"], check["found"].endswith("Acknowledged by Asha.")) == (True, True)
    (found,) = json.loads(harkara("alarms", "list", "--json").stdout)["alarms"]
    assert (found["state"], found["acknowledged_by"]) == ("acknowledged", "Asha")


def test_closed_alarms_are_listed_with_all(harkara: Harkara, ledger: Database) -> None:
    identity = open_one(ledger)
    measured(ledger, 0)
    wait_minutes(ledger, 6)
    measured(ledger, 0)
    assert harkara("alarms", "list").stdout == "No alarm is open.\n"
    assert identity in harkara("alarms", "list", "--all").stdout
    assert harkara("alarms", "acknowledge", identity).exit_code == 4
    assert harkara("alarms", "acknowledge", "alarm_unknown").exit_code == 3


def test_goals_are_listed_with_what_was_measured(harkara: Harkara, ledger: Database) -> None:
    assert harkara("goals", "list").stdout.startswith("Nothing was measured")
    measured(ledger, 9)
    measured(ledger, None, goal="uncertain")
    first, second = json.loads(harkara("goals", "list", "--json").stdout)["goals"]
    assert (first["goal"], first["value"], first["missed"]) == ("errors", 9, True)
    assert (second["goal"], second["value"], second["missed"]) == ("uncertain", None, False)
    shown = harkara("goals", "list").stdout
    assert "MISSED" in shown
    assert "nothing to judge" in shown


def test_goals_are_exported(harkara: Harkara) -> None:
    assert "alert: HarkaraOldestDue" in harkara("goals", "export", "prometheus").stdout
    assert json.loads(harkara("goals", "export", "grafana").stdout)["title"] == "Harkara"
    assert harkara("goals", "export", "nagios").exit_code == 2


def alarm_checks(harkara: Harkara) -> list[dict[str, Any]]:
    checks = json.loads(harkara("doctor", "--json").stdout)["checks"]
    return [check for check in checks if check["check"].startswith("alarm ")]
