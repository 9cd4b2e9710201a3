"""The customers' side: what they and the staff write, the 24-hour window, and how the page shows and plays them."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import requests

from tests.integration.sandbox.process import ASHA, Sandbox
from tests.integration.sandbox.receiver import Listener
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


def say(sandbox: Sandbox, who: str, **said: Any) -> requests.Response:
    return sandbox.http.post(f"{sandbox.url}/_sandbox/{who}", json=said, timeout=5)


def customer(sandbox: Sandbox, **said: Any) -> str:
    """Asha writes; the id of her message."""
    answer = say(sandbox, "customer", **({"from": ASHA} | said))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["message_id"])


def test_what_a_customer_writes_is_told(sandbox: Sandbox, listener: Listener) -> None:
    message_id = customer(sandbox, text="STOP 🛑")

    (heard,) = listener.wait_for(1)

    assert heard.genuine
    body = heard.body
    assert abs(body.pop("timestamp") - time.time()) < 5
    assert body == {
        "event": "message.received",
        "message_id": message_id,
        "direction": "inbound",
        "from": ASHA,
        "to": "911140009000",
        "message": {"type": "text", "text": "STOP 🛑"},
    }


def test_a_tap_names_its_reply_beside_the_message(sandbox: Sandbox, listener: Listener) -> None:
    customer(sandbox, reply_id="yes:4711", title="I will", reply_to="wamid.1")

    (heard,) = listener.wait_for(1)

    assert heard.body["replyId"] == "yes:4711"
    assert heard.body["message"] == {"type": "interactive", "text": "I will"}
    assert heard.body["context"] == {"id": "wamid.1"}


def test_a_customer_may_send_anything_and_may_have_sent_it_before(sandbox: Sandbox, listener: Listener) -> None:
    picture = {"type": "image", "image": {"id": "1", "caption": "This one"}}
    customer(sandbox, message=picture, seconds_ago=3_600)

    (heard,) = listener.wait_for(1)

    assert heard.body["message"] == picture
    assert abs(heard.body["timestamp"] + 3_600 - time.time()) < 5


def test_what_staff_types_looks_like_a_message_of_the_api(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(job_id_in_events=True)
    answer = say(sandbox, "staff", to=ASHA, text="Hello")

    heard = listener.wait_for(3)

    assert listener.stories == ["message.sent", "delivered", "read"]
    assert heard[0].body["message_id"] == answer.json()["message_id"]
    assert (heard[0].body["direction"], heard[0].body["to"]) == ("outbound", ASHA)
    assert "jobId" not in heard[0].body
    assert sandbox.counts()["total"] == 0


@pytest.mark.parametrize(
    ("who", "said", "field"),
    [
        ("customer", {"from": ASHA}, "text"),
        ("customer", {"from": ASHA, "text": "a", "message": {"type": "image"}}, "text"),
        ("customer", {"from": "5", "text": "a"}, "Phone"),
        ("customer", {"with": "nobody", "text": "a"}, "Phone"),
        ("customer", {"from": ASHA, "text": " "}, "text"),
        ("customer", {"from": ASHA, "text": "\ud83d"}, "body"),
        ("customer", {"from": ASHA, "text": "a", "reply_id": "yes"}, "text"),
        ("customer", {"from": ASHA, "reply_id": 5}, "reply_id"),
        ("customer", {"from": ASHA, "text": "a", "seconds_ago": -1}, "seconds_ago"),
        ("staff", {"to": ASHA, "message": {}}, "message.type"),
        ("staff", {"from": ASHA, "text": "a"}, "Phone"),
    ],
)
def test_words_that_nobody_could_say_are_refused(sandbox: Sandbox, who: str, said: dict[str, Any], field: str) -> None:
    answer = say(sandbox, who, **said)

    assert answer.status_code == 400
    assert field in answer.json()["message"]


def test_only_a_customer_who_wrote_within_a_day_gets_raw_messages(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(window=True, read_share=0)

    def fate(**body: Any) -> str:
        heard = len(listener.heard)
        assert sandbox.send(**body).status_code == 202
        return listener.wait_for(heard + 1)[heard].what

    template = {"messages": [{"kind": "template", "template": {"name": "hello", "language": "en"}}]}
    assert fate(message="Never wrote") == "message.failed"
    assert listener.heard[-1].body["error"] == {"code": 131047, "message": "Re-engagement message"}
    assert fate(**template) == "message.sent"
    listener.wait_for(3)
    customer(sandbox, text="Long ago", seconds_ago=DAY + 1)
    listener.wait_for(4)
    assert fate(message="Too late") == "message.failed"
    customer(sandbox, text="Just now", seconds_ago=DAY - 60)
    listener.wait_for(6)
    assert fate(message="In time") == "message.sent"


def test_the_page_shows_both_sides_and_how_far_each_message_came(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.send(message="From the API")
    listener.wait_for(3)
    sandbox.set(fail_share=1, fail_code=131049)
    sandbox.send(message="Fails")
    customer(sandbox, text=ATTACK)
    customer(sandbox, reply_id="yes:4711")
    sandbox.set(fail_share=0)
    say(sandbox, "staff", to=ASHA, text="By hand")
    listener.wait_for(9)

    html = page(sandbox)

    states = re.findall(r'class="ticks (\w+)"', html)
    assert states == ["read", "failed", "read"]
    assert html.count('<li class="bubble theirs">') == 2
    for shown in ("&lt;script&gt;", "yes:4711", "tapped", "dashboard", "failed: 131049"):
        assert shown in html
    assert ATTACK not in html


def test_a_customer_who_wrote_first_has_a_conversation_too(sandbox: Sandbox) -> None:
    customer(sandbox, text="Are you open?")

    html = page(sandbox)

    assert "•••••••••678" in html
    assert html.count("Are you open?") == 2
    assert ASHA not in html


def test_the_page_answers_for_a_customer_whose_number_it_does_not_show(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.send_raw("interactive", BUTTONS)
    sandbox.send_raw("interactive", LIST)
    html = page(sandbox)
    (key,) = set(re.findall(r'href="/\?with=(\w+)"', html))
    taps = re.findall(r'data-tap="([^"]+)" data-title="([^"]+)"', html)
    assert taps == [("yes:4711", "I will"), ("day:mon", "Monday")]

    assert say(sandbox, "customer", **{"with": key, "reply_id": taps[0][0], "title": taps[0][1]}).status_code == 200

    listener.wait_until(lambda: "message.received" in listener.stories)
    (tap,) = (one.body for one in listener.heard if one.what == "message.received")
    assert (tap["from"], tap["replyId"]) == (ASHA, "yes:4711")


def test_the_page_offers_faults_of_webhooks_only_where_they_show(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.send()
    sandbox.settled()
    html = page(sandbox)
    assert 'data-switch="webhook_loss_share"' in html
    assert "3 answered 200" in html

    sandbox.set(webhook_url="")
    assert 'data-switch="webhook_loss_share"' not in page(sandbox)
