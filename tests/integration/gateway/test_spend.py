"""The route of spend."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi.testclient import TestClient

from harkara.gateway import Dependencies
from tests.integration.gateway.fixtures import AGENCY
from tests.integration.ledger.money import delivered
from tests.integration.ledger.steps import marketing


def test_spend_is_reported_for_the_lanes_of_the_token(client: TestClient, deps: Dependencies) -> None:
    delivered(deps.db, marketing())
    found = client.get("/spend", params={"by": "category"}).json()
    assert found["by"] == "category"
    assert found["since"] < datetime.now(UTC).date().isoformat() <= found["until"]
    assert found["spend"] == [
        {
            "key": "marketing",
            "currency": "INR",
            "messages": 1,
            "free": 0,
            "credits": 0,
            "price": "0.863100",
            "fee": "0.000000",
            "tax": "0.155358",
            "amount": "1.018458",
        }
    ]
    assert client.get("/spend", headers=AGENCY).json()["spend"] == []


def test_wrong_days_are_refused(client: TestClient, deps: Dependencies) -> None:
    for params, message in (
        ({"since": "2026-11-02", "until": "2026-11-01"}, "since: is after the last day"),
        ({"by": "person"}, "by: "),
        ({"since": "yesterday"}, "since: "),
        ({"days": "7"}, "days: "),
    ):
        answer = client.get("/spend", params=params)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(message)
