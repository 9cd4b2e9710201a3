"""The simulated phones: messages of customers and staff, the 24-hour window, and the page."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import requests

from tests.integration.sandbox.process import ASHA, Sandbox
from tests.integration.sandbox.receiver import Receiver
from tests.integration.sandbox.test_page import ATTACK, page

DAY = 24 * 3600
BUTTONS = {
    "type": "button",
    "body": {"text": "Will you come?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "yes:4711", "title": "I will"}}]},
}
LIST = {
    "type": "list",
    "body": {"text": "Which day?"},
    "action": {"button": "Days", "sections": [{"rows": [{"id": "day:mon", "title": "Monday"}]}]},
}


def write(sandbox: Sandbox, author: str, **fields: Any) -> requests.Response:
    return sandbox.http.post(f"{sandbox.url}/_sandbox/{author}", json=fields, timeout=60)


def write_as_asha(sandbox: Sandbox, **fields: Any) -> str:
    """Write as the customer Asha; return the id of the message."""
    answer = write(sandbox, "customer", **({"from": ASHA} | fields))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["message_id"])


def test_a_customers_message_becomes_an_event(sandbox: Sandbox, receiver: Receiver) -> None:
    message_id = write_as_asha(sandbox, text="STOP 🛑")

    (received,) = receiver.wait_for(1)

    assert received.genuine
    body = received.body
    assert abs(body.pop("timestamp") - time.time()) < 60
    assert body == {
        "event": "message.received",
        "message_id": message_id,
        "direction": "inbound",
        "from": ASHA,
        "to": "911140009000",
        "message": {"type": "text", "text": "STOP 🛑"},
    }


def test_the_event_of_a_tap_has_its_reply_id_beside_the_message(sandbox: Sandbox, receiver: Receiver) -> None:
    write_as_asha(sandbox, reply_id="yes:4711", title="I will", reply_to="wamid.1")

    (received,) = receiver.wait_for(1)

    assert received.body["replyId"] == "yes:4711"
    assert received.body["message"] == {"type": "interactive", "text": "I will"}
    assert received.body["context"] == {"id": "wamid.1"}


def test_a_customers_message_may_have_any_type_and_a_past_time(sandbox: Sandbox, receiver: Receiver) -> None:
    picture = {"type": "image", "image": {"id": "1", "caption": "This one"}}
    write_as_asha(sandbox, message=picture, seconds_ago=3_600)

    (received,) = receiver.wait_for(1)

    assert received.body["message"] == picture
    assert abs(received.body["timestamp"] + 3_600 - time.time()) < 60


def test_a_change_of_an_earlier_message_opens_no_window(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(window=True, sent_after_ms=0)
    for message, event in (
        ({"type": "revoke", "revoke": {"original_message_id": "w1"}}, "message.failed"),
        ({"type": "text", "text": "Hello"}, "message.sent"),
    ):
        write_as_asha(sandbox, message=message)
        sandbox.send()
        assert event in {received.body["event"] for received in receiver.wait_for(2 if event.endswith("failed") else 4)}


def test_a_message_of_staff_has_the_same_events_as_one_of_the_api(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(job_id_in_events=True)
    answer = write(sandbox, "staff", to=ASHA, text="Hello")

    received = receiver.wait_for(3)

    assert receiver.events == ["message.sent", "delivered", "read"]
    assert received[0].body["message_id"] == answer.json()["message_id"]
    assert (received[0].body["direction"], received[0].body["to"]) == ("outbound", ASHA)
    assert "jobId" not in received[0].body
    assert sandbox.counts()["total"] == 0


@pytest.mark.parametrize(
    ("author", "fields", "named"),
    [
        ("customer", {"from": ASHA}, "text"),
        ("customer", {"from": ASHA, "text": "a", "message": {"type": "image"}}, "text"),
        ("customer", {"from": "5", "text": "a"}, "Phone"),
        ("customer", {"with": "unknown", "text": "a"}, "Phone"),
        ("customer", {"from": ASHA, "text": " "}, "text"),
        ("customer", {"from": ASHA, "text": "\ud83d"}, "body"),
        ("customer", {"from": ASHA, "text": "a", "reply_id": "yes"}, "text"),
        ("customer", {"from": ASHA, "reply_id": 5}, "reply_id"),
        ("customer", {"from": ASHA, "text": "a", "seconds_ago": -1}, "seconds_ago"),
        ("staff", {"to": ASHA, "message": {}}, "message.type"),
        ("staff", {"from": ASHA, "text": "a"}, "Phone"),
    ],
)
def test_an_invalid_message_of_a_customer_or_staff_is_refused(
    sandbox: Sandbox, author: str, fields: dict[str, Any], named: str
) -> None:
    answer = write(sandbox, author, **fields)

    assert answer.status_code == 400
    assert named in answer.json()["message"]


def test_only_a_customer_who_wrote_within_a_day_gets_raw_messages(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(window=True, read_share=0)

    def first_event(**body: Any) -> str:
        received = len(receiver.received)
        assert sandbox.send(**body).status_code == 202
        return receiver.wait_for(received + 1)[received].event

    template = {"messages": [{"kind": "template", "template": {"name": "hello", "language": "en"}}]}
    assert first_event(message="Never wrote") == "message.failed"
    assert receiver.received[-1].body["error"] == {"code": 131047, "message": "Re-engagement message"}
    assert first_event(**template) == "message.sent"
    receiver.wait_for(3)
    write_as_asha(sandbox, text="Long ago", seconds_ago=DAY + 1)
    receiver.wait_for(4)
    assert first_event(message="Too late") == "message.failed"
    write_as_asha(sandbox, text="Just now", seconds_ago=DAY - 60)
    receiver.wait_for(6)
    assert first_event(message="In time") == "message.sent"


def test_the_page_shows_both_sides_and_the_state_of_each_message(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.send(message="From the API")
    receiver.wait_for(3)
    sandbox.set(fail_share=1, fail_code=131049)
    sandbox.send(message="Fails")
    write_as_asha(sandbox, text=ATTACK)
    write_as_asha(sandbox, reply_id="yes:4711")
    sandbox.set(fail_share=0)
    write(sandbox, "staff", to=ASHA, text="By hand")
    receiver.wait_for(9)

    html = page(sandbox)

    states = re.findall(r'class="ticks (\w+)"', html)
    assert states == ["read", "failed", "read"]
    assert html.count('<li class="bubble theirs">') == 2
    for shown in ("&lt;script&gt;", "yes:4711", "tapped", "dashboard", "failed: 131049"):
        assert shown in html
    assert ATTACK not in html


def test_a_customer_who_wrote_first_has_a_conversation_too(sandbox: Sandbox) -> None:
    write_as_asha(sandbox, text="Are you open?")

    html = page(sandbox)

    assert "•••••••••678" in html
    assert html.count("Are you open?") == 2
    assert ASHA not in html


def test_the_page_replies_as_a_customer_without_knowing_the_number(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.send_raw("interactive", BUTTONS)
    sandbox.send_raw("interactive", LIST)
    html = page(sandbox)
    (key,) = set(re.findall(r'href="/\?with=(\w+)"', html))
    taps = re.findall(r'data-tap="([^"]+)" data-title="([^"]+)"', html)
    assert taps == [("yes:4711", "I will"), ("day:mon", "Monday")]

    assert write(sandbox, "customer", **{"with": key, "reply_id": taps[0][0], "title": taps[0][1]}).status_code == 200

    receiver.wait_until(lambda: "message.received" in receiver.events, "a received event")
    (tap,) = (one.body for one in receiver.received if one.event == "message.received")
    assert (tap["from"], tap["replyId"]) == (ASHA, "yes:4711")


def test_the_page_offers_faults_of_webhooks_only_with_a_webhook_url(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.send()
    sandbox.wait_settled()
    html = page(sandbox)
    assert 'data-switch="webhook_loss_share"' in html
    assert "3 answered 200" in html

    sandbox.set(webhook_url="")
    assert 'data-switch="webhook_loss_share"' not in page(sandbox)
