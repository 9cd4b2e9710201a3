"""Occasions by HTTP: what is said of them, and the reminders that follow."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from harkara.gateway import Behind
from harkara.ledger.occasions.commands import look
from harkara.occasions.occasion import OccasionKey
from tests.integration.gateway.house import AGENCY, CLINIC, NUMBER
from tests.integration.ledger.bookings import VISIT, noon, standing

PLACE = "/occasions/appointment/visit-7"


def visit(**other: Any) -> dict[str, Any]:
    return {"to": NUMBER, "at": noon().isoformat(), "parameters": dict(VISIT)} | other


def test_a_saved_occasion_has_its_reminders(web: TestClient, behind: Behind) -> None:
    assert web.put(PLACE, json=visit(version=1)).json() == {
        "kind": "appointment",
        "reference": "visit-7",
        "change": "created",
    }
    found = web.get(PLACE).json()
    assert found == look(behind.db, OccasionKey("visit-7", "appointment", "default"), behind.plan)
    assert (found["status"], found["producer"], found["zone"]) == ("open", "shop", "Asia/Kolkata")
    assert [each["state"] for each in found["reminders"]] == ["waiting"] * len(found["reminders"])
    assert len(found["reminders"]) >= 2
    assert NUMBER not in str(found)


def test_what_is_said_again_or_too_late_changes_nothing(web: TestClient) -> None:
    changes = [
        web.put(PLACE, json=visit(version=version, at=noon(day).isoformat())).json()["change"]
        for version, day in ((2, 3), (2, 3), (3, 4), (1, 5))
    ]
    assert changes == ["created", "unchanged", "changed", "outdated"]
    other = web.put(PLACE, json=visit(version=3, at=noon(6).isoformat()))
    assert other.status_code == 409


@pytest.mark.parametrize(("verb", "status"), [("cancel", "cancelled"), ("complete", "completed")])
def test_an_occasion_that_is_over_reminds_nobody(web: TestClient, behind: Behind, verb: str, status: str) -> None:
    web.put(PLACE, json=visit())
    assert web.post(f"{PLACE}/{verb}", json={"reason": "The doctor is ill"}).json()["change"] == "changed"
    assert web.post(f"{PLACE}/{verb}", json={"reason": "The doctor is ill"}).json()["change"] == "unchanged"
    found = web.get(PLACE).json()
    assert (found["status"], found["reason"]) == (status, "The doctor is ill")
    assert {state for _, state in standing(behind.db)} == {"cancelled"}


def test_no_body_is_needed_to_end_one(web: TestClient) -> None:
    web.put(PLACE, json=visit())
    assert web.post(f"{PLACE}/complete").json()["change"] == "changed"


def test_an_occasion_is_of_one_lane(web: TestClient) -> None:
    web.put(PLACE, json=visit(), headers=CLINIC)
    assert web.get(PLACE, headers=CLINIC).json()["lane"] == "clinic"
    assert web.get(PLACE).status_code == 404
    assert web.post(f"{PLACE}/cancel", headers=AGENCY).status_code == 404
    assert web.get(PLACE, headers={"Harkara-Lane": "clinic"}).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (PLACE, visit(to="12"), "to: "),
        (PLACE, {"at": "2030-01-01T10:00"}, "to: "),
        (PLACE, visit(at="soon"), "at: must be a time in ISO 8601"),
        (PLACE, visit(at=None), "at: must be a time in ISO 8601"),
        (PLACE, visit(at=7), "at: "),
        (PLACE, visit(zone="Mars/Olympus"), "zone: is not the name of a time zone"),
        (PLACE, visit(parameters={}), "appointment.doctor: is missing"),
        (PLACE, visit(parameters=["x"]), "parameters: must be an object"),
        (PLACE, visit(version="1"), "version: "),
        (PLACE, visit(recipient=NUMBER), "recipient: unknown key; known are at, language, "),
        ("/occasions/wedding/7", visit(), "kind: "),
        (f"/occasions/appointment/{'x' * 300}", visit(), "reference: String should match"),
    ],
)
def test_what_breaks_a_rule_is_refused(web: TestClient, behind: Behind, path: str, body: Any, message: str) -> None:
    answer = web.put(path, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(message)
    assert standing(behind.db) == []


def test_nobody_ends_what_nobody_knows(web: TestClient) -> None:
    assert web.post("/occasions/appointment/nothing/cancel").status_code == 404
    assert web.post("/occasions/wedding/nothing/cancel").status_code == 400
    assert web.get("/occasions/appointment/nothing").status_code == 404
