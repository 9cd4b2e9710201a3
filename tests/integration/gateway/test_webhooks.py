"""Webhooks pass the door byte by byte, and the answer is what came of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from harkara.errors import NotFound, Unavailable
from harkara.gateway import gateway
from tests.integration.gateway.house import away, behind_of

EVENT = b'{ "event":"message.received",\r\n "text":"caf\xc3\xa9 \xe2\x80\xa6", "text" : "twice" }\n'


class Ear:
    """Keeps what it hears; the lanes that it does not know, and those whose store is away, are named so."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes, str | None]] = []

    def hear(self, lane: str, raw: bytes, signature: str | None) -> bool:
        if lane == "unknown":
            raise NotFound("no lane of this name hears webhooks")
        if lane == "away":
            raise Unavailable("neither the database nor Redis took it")
        self.heard.append((lane, raw, signature))
        return signature == "right"


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def chatmitra(ear: Ear) -> Iterator[TestClient]:
    """Calls without a token."""
    with TestClient(gateway(behind_of(away(), hear=ear.hear))) as client:
        yield client


def test_the_body_goes_on_as_it_came(chatmitra: TestClient, ear: Ear) -> None:
    for path, lane in (("/webhooks/chatmitra", "default"), ("/webhooks/chatmitra/clinic", "clinic")):
        answer = chatmitra.post(path, content=EVENT, headers={"X-Webhook-Signature": "right"})
        assert (answer.status_code, answer.json()) == (200, {"status": "success"})
        assert ear.heard.pop() == (lane, EVENT, "right")


@pytest.mark.parametrize("headers", [{"X-Webhook-Signature": "wrong"}, {}])
def test_what_is_not_genuine_is_answered_as_chatmitra_expects(chatmitra: TestClient, headers: dict[str, str]) -> None:
    answer = chatmitra.post("/webhooks/chatmitra", content=EVENT, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid signature"})


def test_an_unknown_lane_is_not_found_and_one_that_is_away_is_told_to_come_again(chatmitra: TestClient) -> None:
    assert chatmitra.post("/webhooks/chatmitra/unknown", content=EVENT).status_code == 404
    answer = chatmitra.post("/webhooks/chatmitra/away", content=EVENT)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"status": "error", "message": "neither the database nor Redis took it"}


def test_a_webhook_may_be_larger_than_a_message_but_not_endless(chatmitra: TestClient, ear: Ear) -> None:
    large = EVENT.ljust(1024 * 1024)
    headers = {"X-Webhook-Signature": "right"}
    assert chatmitra.post("/webhooks/chatmitra", content=large, headers=headers).status_code == 200
    assert ear.heard == [("default", large, "right")]
    assert chatmitra.post("/webhooks/chatmitra", content=large + b" ", headers=headers).status_code == 413
    assert len(ear.heard) == 1
