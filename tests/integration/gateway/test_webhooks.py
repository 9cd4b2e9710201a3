"""The webhook routes pass each body on byte for byte, and answer with what the receiver returned."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from harkara.errors import NotFound, Unavailable
from harkara.gateway import create_app
from tests.integration.gateway.fixtures import dependencies_of, unreachable_database

EVENT = b'{ "event":"message.received",\r\n "text":"caf\xc3\xa9 \xe2\x80\xa6", "text" : "twice" }\n'


class Receiver:
    """Record each webhook. Lane `unknown` is not found, and lane `unavailable` cannot be stored."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes, str | None]] = []

    async def receive(self, lane: str, raw: bytes, signature: str | None) -> bool:
        if lane == "unknown":
            raise NotFound("no lane of this name receives webhooks")
        if lane == "unavailable":
            raise Unavailable("neither the database nor Redis took it")
        self.received.append((lane, raw, signature))
        return signature == "right"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def chatmitra(receiver: Receiver) -> Iterator[TestClient]:
    """A client without a token."""
    with TestClient(create_app(dependencies_of(unreachable_database(), receive_webhook=receiver.receive))) as client:
        yield client


def test_the_body_is_passed_on_unchanged(chatmitra: TestClient, receiver: Receiver) -> None:
    for path, lane in (("/webhooks/chatmitra", "default"), ("/webhooks/chatmitra/clinic", "clinic")):
        answer = chatmitra.post(path, content=EVENT, headers={"X-Webhook-Signature": "right"})
        assert (answer.status_code, answer.json()) == (200, {"status": "success"})
        assert receiver.received.pop() == (lane, EVENT, "right")


@pytest.mark.parametrize("headers", [{"X-Webhook-Signature": "wrong"}, {}])
def test_a_wrong_signature_is_answered_as_chatmitra_expects(chatmitra: TestClient, headers: dict[str, str]) -> None:
    answer = chatmitra.post("/webhooks/chatmitra", content=EVENT, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid signature"})


def test_an_unknown_lane_is_a_404_and_an_unavailable_one_a_503_with_retry_after(chatmitra: TestClient) -> None:
    assert chatmitra.post("/webhooks/chatmitra/unknown", content=EVENT).status_code == 404
    answer = chatmitra.post("/webhooks/chatmitra/unavailable", content=EVENT)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"status": "error", "message": "neither the database nor Redis took it"}


def test_a_webhook_has_at_most_one_mebibyte(chatmitra: TestClient, receiver: Receiver) -> None:
    large = EVENT.ljust(1024 * 1024)
    headers = {"X-Webhook-Signature": "right"}
    assert chatmitra.post("/webhooks/chatmitra", content=large, headers=headers).status_code == 200
    assert receiver.received == [("default", large, "right")]
    assert chatmitra.post("/webhooks/chatmitra", content=large + b" ", headers=headers).status_code == 413
    assert len(receiver.received) == 1
