"""The routes of occasions: save, cancel, complete, get, and the reminders that follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from harkara.gateway import Dependencies
from harkara.ledger.messages.queries import get_status
from harkara.ledger.occasions.queries import get_occasion
from harkara.occasions import OccasionKey
from tests.integration.gateway.fixtures import AGENCY, CLINIC, NUMBER
from tests.integration.ledger.occasions import VISIT, load_plan, noon, rules_and_states
from tests.integration.ledger.test_follow_ups import with_cancellation

URL = "/occasions/appointment/visit-7"


def visit(**other: Any) -> dict[str, Any]:
    return {"to": NUMBER, "at": noon().isoformat(), "parameters": dict(VISIT)} | other


def test_a_saved_occasion_has_its_reminders(client: TestClient, deps: Dependencies) -> None:
    assert client.put(URL, json=visit(version=1)).json() == {
        "kind": "appointment",
        "reference": "visit-7",
        "change": "created",
    }
    found = client.get(URL).json()
    assert found == get_occasion(deps.db, OccasionKey("visit-7", "appointment", "default"), deps.plan)
    assert (found["status"], found["producer"], found["zone"]) == ("open", "shop", "Asia/Kolkata")
    assert [each["state"] for each in found["reminders"]] == ["waiting"] * len(found["reminders"])
    assert len(found["reminders"]) >= 2
    assert NUMBER not in str(found)


def test_a_reference_may_have_slashes(client: TestClient) -> None:
    path = "/occasions/appointment/INV%2F26-27%2F7"
    assert client.put(path, json=visit()).json()["reference"] == "INV/26-27/7"
    assert client.get("/occasions/appointment/INV/26-27/7").json()["reference"] == "INV/26-27/7"
    assert client.post(f"{path}/cancel").json()["change"] == "changed"
    assert client.get(path).json()["status"] == "cancelled"


def test_a_repeated_or_older_version_changes_nothing(client: TestClient) -> None:
    changes = [
        client.put(URL, json=visit(version=version, at=noon(day).isoformat())).json()["change"]
        for version, day in ((2, 3), (2, 3), (3, 4), (1, 5))
    ]
    assert changes == ["created", "unchanged", "changed", "outdated"]
    other = client.put(URL, json=visit(version=3, at=noon(6).isoformat()))
    assert other.status_code == 409


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999+05:30"])
def test_a_placeholder_instead_of_a_date_is_refused_with_a_sentence(client: TestClient, at: str) -> None:
    answer = client.put(URL, json=visit(at=at))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("at: must lie in the years 2000 to 2199 (this is in the year ")


@pytest.mark.parametrize(
    ("verb", "status"), [("cancel", "cancelled"), ("complete", "completed"), ("no-show", "no-show")]
)
def test_a_closed_occasion_cancels_its_reminders(
    client: TestClient, deps: Dependencies, verb: str, status: str
) -> None:
    client.put(URL, json=visit())
    assert client.post(f"{URL}/{verb}", json={"reason": "The doctor is ill"}).json()["change"] == "changed"
    assert client.post(f"{URL}/{verb}", json={"reason": "The doctor is ill"}).json()["change"] == "unchanged"
    found = client.get(URL).json()
    assert (found["status"], found["reason"]) == (status, "The doctor is ill")
    assert {state for _, state in rules_and_states(deps.db)} == {"cancelled"}


def test_a_reason_that_its_message_could_not_say_is_refused_and_the_occasion_stays_open(
    client: TestClient, app: FastAPI, deps: Dependencies, tmp_path: Path
) -> None:
    plan = load_plan(with_cancellation(tmp_path))
    app.state.dependencies = replace(app.state.dependencies, plan=plan)
    client.put(URL, json=visit())
    refused = client.post(f"{URL}/cancel", json={"reason": "डॉक्टर is ill"})
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("reason: mixes Devanagari and Latin letters")
    assert client.get(URL).json()["status"] == "open"
    assert client.post(f"{URL}/cancel", json={"reason": "The doctor is ill"}).json()["change"] == "changed"
    assert ("cancelled", "waiting") in rules_and_states(deps.db)


def test_closing_an_occasion_needs_no_body(client: TestClient) -> None:
    client.put(URL, json=visit())
    assert client.post(f"{URL}/complete").json()["change"] == "changed"


def test_a_reminder_is_sent_now_and_once(client: TestClient, deps: Dependencies) -> None:
    assert client.post(f"{URL}/remind").status_code == 404
    client.put(URL, json=visit(at=(datetime.now(UTC) + timedelta(hours=5)).isoformat(timespec="seconds")))
    sent = client.post(f"{URL}/remind").json()
    assert (sent["kind"], sent["reference"]) == ("appointment", "visit-7")
    assert get_status(deps.db, sent["message"]).state == "waiting"
    again = client.post(f"{URL}/remind")
    assert (again.status_code, again.json()["message"]) == (409, "its reminder is on its way already")
    client.post(f"{URL}/cancel")
    assert client.post(f"{URL}/remind").status_code == 409


def test_an_occasion_belongs_to_one_lane(client: TestClient) -> None:
    client.put(URL, json=visit(), headers=CLINIC)
    assert client.get(URL, headers=CLINIC).json()["lane"] == "clinic"
    assert client.get(URL).status_code == 404
    assert client.post(f"{URL}/cancel", headers=AGENCY).status_code == 404
    assert client.get(URL, headers={"Harkara-Lane": "clinic"}).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (URL, visit(to="12"), "to: "),
        (URL, {"at": "2030-01-01T10:00"}, "to: "),
        (URL, visit(at="soon"), "at: must be a time in ISO 8601"),
        (URL, visit(at=None), "at: must be a time in ISO 8601"),
        (URL, visit(at=7), "at: "),
        (URL, visit(zone="Mars/Olympus"), "zone: is not the name of a time zone"),
        (URL, visit(parameters={}), "appointment.doctor: is missing"),
        (URL, visit(parameters=["x"]), "parameters: must be an object"),
        (URL, visit(version="1"), "version: "),
        (URL, visit(recipient=NUMBER), "recipient: unknown key; known are at, language, "),
        ("/occasions/wedding/7", visit(), "kind: "),
        (f"/occasions/appointment/{'x' * 300}", visit(), "reference: String should match"),
    ],
)
def test_a_field_that_breaks_a_rule_is_refused(
    client: TestClient, deps: Dependencies, path: str, body: Any, message: str
) -> None:
    answer = client.put(path, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(message)
    assert rules_and_states(deps.db) == []


def test_an_unknown_occasion_is_not_found(client: TestClient) -> None:
    assert client.post("/occasions/appointment/nothing/cancel").status_code == 404
    assert client.post("/occasions/wedding/nothing/cancel").status_code == 400
    assert client.get("/occasions/appointment/nothing").status_code == 404


INVOICE = {"customer": "Asha", "invoice": "INV3", "amount": "Rs 500", "late_fee": "Rs 50", "url_suffix": "p3"}


def test_a_date_is_the_whole_day_in_both_directions(client: TestClient, deps: Dependencies) -> None:
    url, body = "/occasions/payment/inv-1", {"to": NUMBER, "at": "2031-12-05", "parameters": INVOICE}
    assert client.put(url, json=body).json()["change"] == "created"
    found = client.get(url).json()
    assert (found["at"], found["skipped"]) == ("2031-12-05", [])
    assert [each["rule"] for each in found["reminders"]] == ["-3d", "-1d", "0d"]
    assert client.put(url, json=body | {"at": found["at"]}).json()["change"] == "unchanged"


@pytest.mark.parametrize(
    ("at", "given", "message"),
    [
        (
            "2031-12-05T10:30",
            {"time": "16:00"},
            "appointment.time: contradicts `at`, which is 2031-12-05 10:30 in Asia",
        ),
        (
            "2031-12-05T10:30",
            {"date": "6 Dec"},
            "appointment.date: contradicts `at`, which is 2031-12-05 10:30 in Asia",
        ),
        ("2031-12-05", {}, "appointment.time: is missing: `at` is a whole day"),
    ],
)
def test_a_text_that_contradicts_the_time_is_refused(
    client: TestClient, deps: Dependencies, at: str, given: dict[str, str], message: str
) -> None:
    answer = client.put(URL, json=visit(at=at, parameters=dict(VISIT) | given))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)
    assert rules_and_states(deps.db) == []


def test_the_report_counts_the_occasions_of_the_callers_lanes(client: TestClient) -> None:
    client.put(URL, json=visit())
    client.post(f"{URL}/no-show")
    assert client.get("/reports/occasions/appointment").json()["occasions"]["no-show"] == 1
    assert client.get("/reports/occasions/appointment", headers=AGENCY).json()["occasions"]["no-show"] == 0
    past = client.get("/reports/occasions/appointment", params={"until": noon(-1).isoformat()}).json()
    assert past["occasions"]["no-show"] == 0
    assert client.get("/reports/occasions/wedding").status_code == 400
