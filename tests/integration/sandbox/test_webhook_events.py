"""The events of an accepted message, and their signed bytes."""

from __future__ import annotations

import json
import time

import pytest
import requests

from tests.integration.sandbox.process import ASHA, Sandbox
from tests.integration.sandbox.receiver import Receiver

EVENTS = ["message.sent", "delivered", "read"]
RAVI = "919000000009"


def test_an_accepted_message_has_events_for_sent_delivered_and_read(sandbox: Sandbox, receiver: Receiver) -> None:
    began = int(time.time())
    job_id = sandbox.send(message="नमस्ते 📦").json()["jobId"]

    received = receiver.wait_for(3)

    assert receiver.events == EVENTS
    first, second, third = (one.body for one in received)
    assert began <= first.pop("timestamp") <= time.time()
    message_id = first.pop("message_id")
    assert message_id.startswith("wamid.")
    assert first == {
        "event": "message.sent",
        "direction": "outbound",
        "from": "911140009000",
        "to": ASHA,
        "message": {"type": "text", "text": "नमस्ते 📦"},
    }
    assert second["message_id"] == third["message_id"] == message_id
    assert (second["event"], second["status"]) == ("message.status.updated", "delivered")
    assert sandbox.last()["jobId"] == job_id
    assert sandbox.last()["messages"] == [{"message_id": message_id, "state": "read", "code": None}]


def test_the_signature_covers_the_bytes_as_javascript_writes_them(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.send(message='Grüße 📦\n"so"')

    received = receiver.wait_for(3)

    assert all(one.genuine for one in received)
    assert all(len(one.headers["X-Webhook-Signature"]) == 64 for one in received)
    assert {one.headers["Content-Type"] for one in received} == {"application/json"}
    assert {one.path for one in received} == {"/webhooks/chatmitra?lane=default"}
    assert '"message":{"type":"text","text":"Grüße 📦\\n\\"so\\""}'.encode() in received[0].raw
    assert received[0].raw == json.dumps(received[0].body, separators=(",", ":"), ensure_ascii=False).encode()


def test_events_contain_the_message_of_every_kind(sandbox: Sandbox, receiver: Receiver) -> None:
    place = {"latitude": 18.0, "longitude": 73.85}
    template = {"name": "order_ready", "language": "en_US"}
    sandbox.send_raw("text", {"body": "Hello", "preview_url": True})
    sandbox.send_raw("location", place)
    sandbox.send_template()

    receiver.wait_until(lambda: receiver.events.count("message.sent") == 3, "three sent events")

    shown = [one.body["message"] for one in receiver.received if one.event == "message.sent"]
    assert shown == [
        {"type": "text", "text": "Hello"},
        {"type": "location", "location": place},
        {"type": "template", "template": template},
    ]
    assert any(b'"latitude":18,' in one.raw for one in receiver.received)


def test_several_messages_in_one_call_have_their_own_events(sandbox: Sandbox, receiver: Receiver) -> None:
    payloads = [{"type": "text", "text": {"body": words}} for words in ("one", "two")]
    sandbox.send(messages=[{"kind": "raw", "payload": payload} for payload in payloads])

    received = receiver.wait_for(6)

    ids = {(one.body["message_id"], one.body["message"]["text"]) for one in received}
    assert {words for _, words in ids} == {"one", "two"}
    assert len(ids) == 2


def test_an_event_contains_the_job_id_only_with_the_switch(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.send()
    assert all("jobId" not in one.body for one in receiver.wait_for(3))

    sandbox.set(job_id_in_events=True)
    job_id = sandbox.send(message="Again").json()["jobId"]

    assert [one.body.get("jobId") for one in receiver.wait_for(6)[3:]] == [job_id] * 3


@pytest.mark.parametrize("fault", ["close_after_accept_share", "reset_after_read_share", "half_answer_share"])
def test_an_accepted_message_has_events_although_the_client_got_no_response(
    sandbox: Sandbox, receiver: Receiver, fault: str
) -> None:
    sandbox.set(**{fault: 1})
    with pytest.raises(requests.RequestException):
        sandbox.send()

    receiver.wait_for(3)

    assert receiver.events == EVENTS


def test_a_dropped_or_refused_message_has_no_events(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(silent_drop_share=1)
    sandbox.send()
    sandbox.set(silent_drop_share=0)
    sandbox.send(message="*refused*")
    sandbox.send(message="Delivered")

    receiver.wait_for(3)

    assert {one.body["message"]["text"] for one in receiver.received} == {"Delivered"}


def test_a_read_share_of_zero_leaves_messages_delivered(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(read_share=0)
    sandbox.send()

    assert sandbox.wait_settled()["by_event"] == {"message.sent": 1, "message.status.updated": 1}
    assert receiver.events == EVENTS[:2]


def test_a_failure_replaces_sent_or_delivered(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(fail_share=1)
    sandbox.send()
    (failed,) = receiver.wait_for(1)
    assert failed.event == "message.failed"
    assert failed.body["error"] == {"code": 131026, "message": "Message undeliverable"}
    assert failed.body["to"] == ASHA

    sandbox.set(sent_before_failed=True, fail_code=131049)
    sandbox.send(message="Again")
    receiver.wait_for(3)

    assert receiver.events[1:] == ["message.sent", "message.failed"]
    assert receiver.received[-1].body["error"]["code"] == 131049
    assert sandbox.last()["messages"][0]["state"] == "failed"
    assert sandbox.counts()["delivered"] == 0


def test_messages_to_certain_numbers_always_fail(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(fail_numbers=[ASHA, {"number": RAVI, "code": 131050}])
    sandbox.send()
    sandbox.send(to=RAVI)
    sandbox.send(to="919000000008")

    receiver.wait_for(5)

    codes = {one.body["to"]: one.body["error"]["code"] for one in receiver.received if one.event == "message.failed"}
    assert codes == {ASHA: 131026, RAVI: 131050}
    assert [one.event for one in receiver.received if one.body["to"] == "919000000008"] == EVENTS
