"""An application that moved over from Chat Mitra by its URL alone hands messages over."""

from __future__ import annotations

from fastapi.testclient import TestClient

from harkara.gateway import Behind
from tests.integration.gateway.house import HELLO, SEND
from tests.integration.ledger.steps import row


def test_a_message_is_in_the_ledger_when_the_answer_comes(web: TestClient, behind: Behind) -> None:
    answer = web.post(SEND, json=HELLO)
    assert answer.status_code == 202
    told = answer.json()
    assert told == {"status": "success", "message": "Request queued", "jobId": told["jobId"]}
    assert row(behind.db, told["jobId"])["producer"] == "shop"
