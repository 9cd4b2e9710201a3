"""What supervisors and Prometheus hear of the web door."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from harkara.gateway import Behind, gateway
from harkara.ledger.database import OTHER_SCHEMA, Database
from harkara.ledger.leases import mark_done
from tests.integration.gateway.house import HELLO, SEND, SHOP, away, behind_of

WELL = {"ready": True, "redis": "answers", "database": "at head", "heartbeat": "heard, the last one 0 s ago"}


def test_it_is_ready_when_all_are_there_that_it_needs(web: TestClient, behind: Behind) -> None:
    never = web.get("/readyz")
    assert (never.status_code, never.json()) == (503, WELL | {"ready": False, "heartbeat": "never heard"})
    mark_done(behind.db, "heartbeat", "worker")
    well = web.get("/readyz")
    assert (well.status_code, well.json()) == (200, WELL)


def test_without_redis_it_is_not_ready(db: Database) -> None:
    mark_done(db, "heartbeat", "worker")
    with TestClient(gateway(behind_of(db, redis_answers=lambda: False))) as web:
        answer = web.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, WELL | {"ready": False, "redis": "away"})


def test_without_its_database_it_lives_but_is_not_ready() -> None:
    with TestClient(gateway(behind_of(away()))) as web:
        assert web.get("/livez").json() == {"alive": True}
        answer = web.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "redis": "answers", "database": "away", "heartbeat": "unknown"}


def test_a_database_of_another_release_is_named(database_url: str) -> None:
    empty = Database(database_url)
    with TestClient(gateway(behind_of(empty))) as web:
        found = web.get("/readyz").json()
    empty.close()
    assert found["database"] == OTHER_SCHEMA


def test_requests_are_counted_by_route_and_status_and_never_by_what_was_asked(web: TestClient) -> None:
    web.post(SEND, json=HELLO)
    web.post(SEND, json={})
    for path in ("/messages/job_1", "/messages/919876543210", "/wp-login.php", "/messages/job_1"):
        web.get(path)
    web.request("BREW", "/messages")
    told = web.get("/metrics").text
    counted = dict(re.findall(r"^harkara_web_requests_total\{(.*)\} (.*)$", told, re.MULTILINE))
    assert counted == {
        'route="POST /developer/api/send_message",status="202"': "1.0",
        'route="POST /developer/api/send_message",status="400"': "1.0",
        'route="GET /messages/{jobId}",status="404"': "3.0",
        'route="other",status="404"': "1.0",
        'route="other",status="405"': "1.0",
    }
    assert 'harkara_web_seconds_count{route="GET /messages/{jobId}"} 3.0' in told


def test_what_breaks_is_answered_in_the_same_shape_and_counted() -> None:
    def break_it(lane: str, raw: bytes, signature: str | None) -> bool:
        raise KeyError(raw)

    with TestClient(gateway(behind_of(away(), hear=break_it)), headers=SHOP) as web, capture_logs() as said:
        answer = web.post("/webhooks/chatmitra", content=b"73915482")
        assert answer.status_code == 500
        assert answer.json() == {"status": "error", "message": "something broke here; the log says where"}
        assert 'route="POST /webhooks/chatmitra",status="500"' in web.get("/metrics").text
    (broke,) = (line for line in said if line["log_level"] == "error")
    assert broke["error"].startswith("KeyError at test_signs.py:")
    assert "73915482" not in str(said)
