"""Campaigns by HTTP: looked at, started, paused, resumed, cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient

from harkara.gateway import Behind
from harkara.ledger.campaigns.queries import listing, progress
from tests.integration.ledger.test_campaigns import loaded


def test_campaigns_are_listed_and_looked_at(web: TestClient, behind: Behind) -> None:
    identity = loaded(behind.db)
    assert web.get("/campaigns").json() == {"campaigns": listing(behind.db)}
    assert web.get("/campaigns/sale").json() == progress(behind.db, identity)
    assert web.get(f"/campaigns/{identity}").json()["by_state"] == {"waiting": 4}
    assert web.get("/campaigns/other").status_code == 404


def test_a_campaign_is_steered(web: TestClient, behind: Behind) -> None:
    loaded(behind.db)

    def steer(verb: str, **body: str) -> tuple[int, str | None]:
        answer = web.post(f"/campaigns/sale/{verb}", json=body or None)
        return answer.status_code, answer.json().get("state")

    assert steer("resume") == (409, None)
    assert steer("start") == (200, "running")
    assert steer("pause", reason="The list is wrong") == (200, "paused")
    assert web.get("/campaigns/sale").json()["reason"] == "The list is wrong"
    assert steer("resume") == (200, "running")
    assert steer("pause") == (200, "paused")
    assert web.get("/campaigns/sale").json()["reason"] == "Decided by shop."
    assert steer("cancel") == (200, "cancelled")
    found = web.get("/campaigns/sale").json()
    assert (found["by_state"], found["reason"]) == ({"cancelled": 4}, "cancelled by shop")
    assert steer("start") == (409, None)


def test_a_start_may_have_its_time(web: TestClient, behind: Behind) -> None:
    loaded(behind.db)
    at = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    found = web.post("/campaigns/sale/start", json={"at": at.isoformat()}).json()
    assert (found["state"], found["start_at"]) == ("scheduled", at.isoformat())


def test_a_time_that_makes_no_sense_is_refused(web: TestClient, behind: Behind) -> None:
    loaded(behind.db)
    for body, message in (
        ({"at": "2020-01-01T00:00:00Z"}, "at: has passed already"),
        ({"at": "2020-01-01T00:00:00"}, "at: has no time zone"),
        ({"when": "now"}, "when: unknown key; known are at"),
    ):
        answer = web.post("/campaigns/sale/start", json=body)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(message)
    assert web.get("/campaigns/sale").json()["state"] == "ready"
