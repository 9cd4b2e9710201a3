"""The sandbox's webhooks, parsed by Harkara."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from harkara.chatmitra.signature import verify
from harkara.chatmitra.webhooks import parse
from harkara.inbound import fingerprint
from harkara.inbound.events import Event, MessageReceived, PreferenceChanged, StatusChanged
from tests.integration.sandbox.process import ASHA, Sandbox
from tests.integration.sandbox.receiver import SECRET, ReceivedWebhook, Receiver
from tests.integration.sandbox.test_messages import ACCEPTED
from tests.integration.sandbox.test_phones import write, write_as_asha

TEMPLATE = {
    "name": "order_ready",
    "language": "en_US",
    "components": [{"type": "body", "parameters": [{"type": "text", "text": "₹1,299"}]}],
}


def parsed(received: ReceivedWebhook) -> Event:
    assert verify(received.raw, received.headers["X-Webhook-Signature"], SECRET)
    (event,) = parse(received.raw, datetime.now(UTC))
    return event


@pytest.mark.parametrize(
    "body",
    [
        {"message": "Your order is ready 📦"},
        {"messages": [{"kind": "raw", "payload": {"type": "text", "text": {"body": "Hello"}}}]},
        {"messages": [{"kind": "template", "template": TEMPLATE}]},
        *({"messages": [{"kind": "raw", "payload": {"type": kind, kind: content}}]} for kind, content in ACCEPTED),
    ],
)
def test_a_message_is_recognized_by_its_content(sandbox: Sandbox, receiver: Receiver, body: dict[str, Any]) -> None:
    sandbox.send(**body)

    events = [parsed(received) for received in receiver.wait_for(3)]

    assert all(isinstance(event, StatusChanged) for event in events)
    found = [event for event in events if isinstance(event, StatusChanged)]
    assert [event.status for event in found] == ["sent", "delivered", "read"]
    assert {event.digest for event in found} == {fingerprint.of_request(body)}
    assert {event.recipient for event in found} == {ASHA}
    assert len({event.message_id for event in found}) == 1


def test_a_failure_is_parsed_with_its_code(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(fail_share=1, fail_code=131049, job_id_in_events=True)
    job_id = sandbox.send().json()["jobId"]

    event = parsed(receiver.wait_for(1)[0])

    assert isinstance(event, StatusChanged)
    assert (event.status, event.code, event.job_id) == ("failed", "131049", job_id)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "image", "image": {"id": "1", "caption": "STOP"}},
        {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": '{"slot":"6"}'}}},
        {"type": "order", "order": {"catalog_id": "c1", "product_items": []}},
        {"type": "edit", "edit": {"original_message_id": "w1", "message": {"type": "text", "text": {"body": "At 6"}}}},
    ],
    ids=lambda message: str(message["type"]),
)
def test_whatever_a_customer_sends_is_parsed_whole(
    sandbox: Sandbox, receiver: Receiver, message: dict[str, Any]
) -> None:
    write_as_asha(sandbox, message=message)

    event = parsed(receiver.wait_for(1)[0])

    assert isinstance(event, MessageReceived)
    assert event.content.fields == message
    assert event.opens_window == (message["type"] != "edit")


def test_a_choice_in_whatsapps_menu_is_parsed(sandbox: Sandbox, receiver: Receiver) -> None:
    assert write(sandbox, "customer", **{"from": ASHA, "preference": "never"}).status_code == 400
    assert write(sandbox, "customer", **{"from": ASHA, "preference": "stop"}).status_code == 200

    event = parsed(receiver.wait_for(1)[0])

    assert isinstance(event, PreferenceChanged)
    assert (event.names, event.action) == ((ASHA,), "opt-out")


def test_texts_and_taps_of_a_customer_are_parsed(sandbox: Sandbox, receiver: Receiver) -> None:
    write_as_asha(sandbox, text="रोकें")
    write_as_asha(sandbox, reply_id="yes:4711", title="I will", reply_to="wamid.1")

    words, tap = (parsed(received) for received in receiver.wait_for(2))

    assert isinstance(words, MessageReceived)
    assert (words.sender, words.text, words.payload) == (ASHA, "रोकें", None)
    assert isinstance(tap, MessageReceived)
    assert (tap.text, tap.payload, tap.reply_to) == ("I will", "yes:4711", "wamid.1")
