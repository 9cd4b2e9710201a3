"""The routes of alarms: list and acknowledge."""

from __future__ import annotations

from fastapi.testclient import TestClient

from harkara.gateway import Dependencies
from harkara.ledger.alarms.alarms import list_alarms
from harkara.ledger.users.acts import list_acts
from tests.integration.ledger.alarms import measured, open_one, wait_minutes


def test_alarms_of_the_callers_lanes_are_listed_and_acknowledged(client: TestClient, deps: Dependencies) -> None:
    assert client.get("/alarms").json() == {"alarms": []}
    identity, foreign = open_one(deps.db), open_one(deps.db, lane="elsewhere")
    (found,) = client.get("/alarms").json()["alarms"]
    assert found == list_alarms(deps.db, lanes=["default"])[0]
    assert (found["id"], found["lane"], found["state"], found["limit"]) == (identity, "default", "open", 5)
    answer = client.post(f"/alarms/{identity}/acknowledge")
    assert [(each.name, each.source, each.act) for each in list_acts(deps.db)] == [
        ("shop", "api", "alarm.acknowledged")
    ]
    assert (answer.status_code, answer.json()["acknowledged_by"]) == (200, "shop")
    assert client.post(f"/alarms/{foreign}/acknowledge").status_code == 404


def test_closed_alarms_are_listed_on_demand(client: TestClient, deps: Dependencies) -> None:
    identity = open_one(deps.db)
    measured(deps.db, 0)
    wait_minutes(deps.db, 6)
    measured(deps.db, 0)
    assert client.get("/alarms").json() == {"alarms": []}
    assert [each["id"] for each in client.get("/alarms", params={"all": True}).json()["alarms"]] == [identity]
    assert client.post(f"/alarms/{identity}/acknowledge").status_code == 409
    assert client.get("/alarms", params={"limit": 0}).status_code == 400
