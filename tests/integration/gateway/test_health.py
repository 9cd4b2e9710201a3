"""Health checks and metrics of the HTTP API."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from structlog.testing import capture_logs

from harkara.gateway import Dependencies, create_app
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import OTHER_SCHEMA
from harkara.ledger.halts import park
from harkara.ledger.leases import mark_done
from tests.integration.gateway.fixtures import HELLO, SEND, SHOP, dependencies_of, unreachable_database
from tests.integration.ledger.steps import unpark

READY = {
    "ready": True,
    "redis": "answers",
    "database": "at head",
    "heartbeat": "received, the last one 0 s ago",
    "lanes": "open",
}


@pytest.fixture
def db(either_db: Database) -> Database:
    return either_db


@pytest.fixture
def app(deps: Dependencies) -> FastAPI:
    """An app of its own, for its metrics."""
    return create_app(deps)


def checks(answer: Response) -> dict[str, object]:
    """Return what the response says, with a heartbeat of this moment as the last one on a busy machine, too."""
    found: dict[str, object] = answer.json()
    return found | {"heartbeat": re.sub(r"[1-5]?\d s ago", "0 s ago", str(found["heartbeat"]))}


def test_it_is_ready_when_every_service_it_needs_is_ready(client: TestClient, deps: Dependencies) -> None:
    before = client.get("/readyz")
    assert (before.status_code, before.json()) == (503, READY | {"ready": False, "heartbeat": "never received"})
    mark_done(deps.db, "heartbeat", "worker")
    after = client.get("/readyz")
    assert (after.status_code, checks(after)) == (200, READY)


def test_without_redis_it_is_not_ready(db: Database) -> None:
    with TestClient(create_app(dependencies_of(db, redis_problem=lambda: "Redis: it is full"))) as client:
        mark_done(db, "heartbeat", "worker")
        answer = client.get("/readyz")
    assert (answer.status_code, checks(answer)) == (503, READY | {"ready": False, "redis": "Redis: it is full"})


def test_without_its_database_it_is_alive_but_not_ready() -> None:
    with TestClient(create_app(dependencies_of(unreachable_database()))) as client:
        assert client.get("/livez").json() == {"alive": True}
        answer = client.get("/readyz")
    assert answer.status_code == 503
    away = {"ready": False, "database": "away", "heartbeat": "unknown", "lanes": "unknown"}
    assert answer.json() == READY | away


def test_a_parked_lane_is_named_and_stops_no_traffic(client: TestClient, deps: Dependencies) -> None:
    mark_done(deps.db, "heartbeat", "worker")
    for lane in ("default", "north"):
        park(deps.db, lane, "Token refused", "401")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["lanes"]) == (200, "parked: default (401), north (401)")
    unpark(deps.db, "default")
    assert client.get("/readyz").json()["lanes"] == "parked: north (401)"


def test_a_database_with_another_schema_is_reported(database_url: str) -> None:
    empty = Database(database_url)
    with TestClient(create_app(dependencies_of(empty))) as client:
        found = client.get("/readyz").json()
    empty.close()
    assert found["database"] == f"{OTHER_SCHEMA} (it is empty)"


def test_requests_are_counted_by_route_and_status_never_by_path(client: TestClient) -> None:
    client.post(SEND, json=HELLO)
    client.post(SEND, json={})
    for path in ("/messages/job_1", "/messages/919876543210", "/wp-login.php", "/messages/job_1"):
        client.get(path)
    client.request("BREW", "/messages")
    found = client.get("/metrics").text
    counted = dict(re.findall(r"^harkara_web_requests_total\{(.*)\} (.*)$", found, re.MULTILINE))
    assert counted == {
        'route="POST /developer/api/send_message",status="202"': "1.0",
        'route="POST /developer/api/send_message",status="400"': "1.0",
        'route="GET /messages/{jobId}",status="404"': "3.0",
        'route="other",status="404"': "1.0",
        'route="other",status="405"': "1.0",
    }
    assert 'harkara_web_seconds_count{route="GET /messages/{jobId}"} 3.0' in found


def test_an_exception_is_answered_in_the_same_shape_and_counted() -> None:
    async def fail(lane: str, raw: bytes, signature: str | None) -> bool:
        raise KeyError(raw)

    app = create_app(dependencies_of(unreachable_database(), receive_webhook=fail))
    with TestClient(app, headers=SHOP) as client, capture_logs() as lines:
        answer = client.post("/webhooks/chatmitra", content=b"73915482")
        assert answer.status_code == 500
        assert answer.json() == {"status": "error", "message": "internal error; the log of the HTTP API says where"}
        assert 'route="POST /webhooks/chatmitra",status="500"' in client.get("/metrics").text
    (failed,) = (line for line in lines if line["log_level"] == "error")
    assert failed["error"].startswith("KeyError at test_health.py:")
    assert "73915482" not in str(lines)


def test_metrics_need_the_token_of_the_deployment_if_it_has_one(db: Database) -> None:
    with TestClient(create_app(dependencies_of(db, metrics_token="of-prometheus"))) as client:
        for headers in ({}, SHOP, {"Authorization": "Basic b2Y="}):
            answer = client.get("/metrics", headers=headers)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert "harkara_" not in answer.text
        answer = client.get("/metrics", headers={"Authorization": "Bearer of-prometheus"})
        assert (answer.status_code, "harkara_web_requests_total" in answer.text) == (200, True)
        assert client.get("/livez").status_code == 200
        assert client.get("/campaigns", headers={"Authorization": "Bearer of-prometheus"}).status_code == 401


def test_the_documentation_can_be_closed(db: Database) -> None:
    with TestClient(create_app(dependencies_of(db, docs=False)), headers=SHOP) as client:
        for path in ("/docs", "/openapi.json", "/docs/static/docs.js", "/redoc"):
            assert client.get(path).status_code == 404
        assert client.post(SEND, json=HELLO).status_code == 202
    with TestClient(create_app(dependencies_of(db))) as client:
        for path in ("/docs", "/openapi.json", "/docs/static/docs.js"):
            assert client.get(path).status_code == 200
