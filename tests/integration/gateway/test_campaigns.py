"""The routes of campaigns: list, get, start, pause, resume, cancel."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

from fastapi.testclient import TestClient
from pydantic_core import to_jsonable_python
from sqlalchemy import update

from harkara.gateway import Dependencies
from harkara.ledger.campaigns.queries import get_progress, list_campaigns
from harkara.ledger.tables import message
from tests.integration.ledger.campaigns import load_campaign


def test_campaigns_are_listed_and_shown(client: TestClient, deps: Dependencies) -> None:
    identity = load_campaign(deps.db)
    (listed,) = client.get("/campaigns").json()["campaigns"]
    (summary,) = list_campaigns(deps.db)
    assert listed.keys() == to_jsonable_python(summary).keys()
    assert (listed["id"], listed["name"], listed["state"]) == (identity, "sale", "ready")
    shown, progress = client.get("/campaigns/sale").json(), to_jsonable_python(get_progress(deps.db, identity))
    assert shown.keys() == progress.keys()
    assert (shown["id"], shown["by_state"], shown["by_code"]) == (identity, {"waiting": 4}, progress["by_code"])
    assert client.get(f"/campaigns/{identity}").json()["by_state"] == {"waiting": 4}
    assert client.get("/campaigns/other").status_code == 404


def test_a_campaign_is_started_paused_resumed_and_cancelled(client: TestClient, deps: Dependencies) -> None:
    load_campaign(deps.db)

    def post(verb: str, **body: str) -> tuple[int, str | None]:
        answer = client.post(f"/campaigns/sale/{verb}", json=body or None)
        return answer.status_code, answer.json().get("state")

    assert post("resume") == (409, None)
    assert post("start") == (200, "running")
    assert post("pause", reason="The list is wrong") == (200, "paused")
    assert client.get("/campaigns/sale").json()["reason"] == "The list is wrong"
    assert post("resume") == (200, "running")
    assert post("pause") == (200, "paused")
    assert client.get("/campaigns/sale").json()["reason"] == "Decided by shop."
    assert post("cancel") == (200, "cancelled")
    found = client.get("/campaigns/sale").json()
    assert (found["by_state"], found["reason"]) == ({"cancelled": 4}, "cancelled by shop")
    assert post("start") == (409, None)


def test_a_campaign_is_found_by_a_name_with_slashes(client: TestClient, deps: Dependencies) -> None:
    load_campaign(deps.db, 2, "Diwali 26/27")
    path = "/campaigns/Diwali 26%2F27"
    assert client.post(f"{path}/start").json()["name"] == "Diwali 26/27"
    assert client.get(path).json()["state"] == "running"
    assert len(client.get(f"{path}/report").text.splitlines()) == 3


def test_a_campaign_starts_at_a_given_time(client: TestClient, deps: Dependencies) -> None:
    load_campaign(deps.db)
    at = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    found = client.post("/campaigns/sale/start", json={"at": at.isoformat()}).json()
    assert (found["state"], found["start_at"]) == ("scheduled", at.isoformat())


def test_an_invalid_start_time_is_refused(client: TestClient, deps: Dependencies) -> None:
    load_campaign(deps.db)
    for body, said in (
        ({"at": "2020-01-01T00:00:00Z"}, "at: has passed already"),
        ({"at": "2020-01-01T00:00:00"}, "at: has no time zone"),
        ({"when": "now"}, "when: unknown key; known are at"),
    ):
        answer = client.post("/campaigns/sale/start", json=body)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(said)
    assert client.get("/campaigns/sale").json()["state"] == "ready"


def test_a_loaded_campaign_is_rehearsed_for_its_scheduled_time_or_another(
    client: TestClient, deps: Dependencies
) -> None:
    load_campaign(deps.db)
    at = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    found = client.post("/campaigns/sale/rehearse", json={"at": at.isoformat()}).json()
    assert (found["messages"], found["starts_at"], found["currency"]) == (4, at.isoformat(), "INR")
    assert client.get("/campaigns/sale").json()["state"] == "ready"


def test_the_report_is_csv_whose_cells_no_spreadsheet_computes(client: TestClient, deps: Dependencies) -> None:
    load_campaign(deps.db)
    with deps.db.write() as tx:
        tx.execute(update(message).where(message.c.position == 3).values(reason="=HYPERLINK(1)"))
    answer = client.get("/campaigns/sale/report")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(StringIO(answer.text)))
    assert [(line["row"], line["state"], line["reason"]) for line in lines] == [
        ("2", "waiting", ""),
        ("3", "waiting", "'=HYPERLINK(1)"),
        ("4", "waiting", ""),
        ("5", "waiting", ""),
    ]


def test_the_results_say_responses_and_costs(client: TestClient, deps: Dependencies) -> None:
    load_campaign(deps.db)
    found = client.get("/campaigns/sale/results").json()
    costs = {"spent": {}, "cost_if_all_arrive": "4.073832", "unpriced": 0, "currency": "INR"}
    assert found == {"answered": 0, "opted_out": 0, "effect": None} | costs
    assert client.get("/campaigns/other/results").status_code == 404
