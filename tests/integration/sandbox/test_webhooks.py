"""Webhooks: what is told of a message that was accepted, how it is signed, and what goes wrong on the way."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
import requests

from tests.integration.sandbox.process import ASHA, Sandbox, sandbox_process
from tests.integration.sandbox.receiver import SECRET, Listener, listening

STORY = ["message.sent", "delivered", "read"]
RAVI = "919000000009"


def test_a_message_that_was_accepted_is_told_to_be_sent_delivered_and_read(
    sandbox: Sandbox, listener: Listener
) -> None:
    began = int(time.time())
    job_id = sandbox.send(message="नमस्ते 📦").json()["jobId"]

    heard = listener.wait_for(3)

    assert listener.stories == STORY
    first, second, third = (one.body for one in heard)
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


def test_the_very_bytes_are_signed_as_javascript_would_write_them(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.send(message='Grüße 📦\n"so"')

    heard = listener.wait_for(3)

    assert all(one.genuine for one in heard)
    assert all(len(one.headers["X-Webhook-Signature"]) == 64 for one in heard)
    assert {one.headers["Content-Type"] for one in heard} == {"application/json"}
    assert {one.path for one in heard} == {"/webhooks/chatmitra?lane=default"}
    assert '"message":{"type":"text","text":"Grüße 📦\\n\\"so\\""}'.encode() in heard[0].raw
    assert heard[0].raw == json.dumps(heard[0].body, separators=(",", ":"), ensure_ascii=False).encode()


def test_every_kind_shows_what_was_sent(sandbox: Sandbox, listener: Listener) -> None:
    place = {"latitude": 18.0, "longitude": 73.85}
    template = {"name": "order_confirmation", "language": "en_US"}
    sandbox.send_raw("text", {"body": "Hello", "preview_url": True})
    sandbox.send_raw("location", place)
    sandbox.send_template()

    listener.wait_until(lambda: listener.stories.count("message.sent") == 3)

    shown = [one.body["message"] for one in listener.heard if one.what == "message.sent"]
    assert shown == [
        {"type": "text", "text": "Hello"},
        {"type": "location", "location": place},
        {"type": "template", "template": template},
    ]
    assert any(b'"latitude":18,' in one.raw for one in listener.heard)


def test_several_messages_in_one_call_have_a_story_each(sandbox: Sandbox, listener: Listener) -> None:
    payloads = [{"type": "text", "text": {"body": words}} for words in ("one", "two")]
    sandbox.send(messages=[{"kind": "raw", "payload": payload} for payload in payloads])

    heard = listener.wait_for(6)

    ids = {(one.body["message_id"], one.body["message"]["text"]) for one in heard}
    assert {words for _, words in ids} == {"one", "two"}
    assert len(ids) == 2


def test_no_event_names_the_job_unless_asked_to(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.send()
    assert all("jobId" not in one.body for one in listener.wait_for(3))

    sandbox.set(job_id_in_events=True)
    job_id = sandbox.send(message="Again").json()["jobId"]

    assert [one.body.get("jobId") for one in listener.wait_for(6)[3:]] == [job_id] * 3


@pytest.mark.parametrize("fault", ["close_after_accept_share", "reset_after_read_share", "half_answer_share"])
def test_what_was_accepted_is_told_of_though_the_client_was_not(
    sandbox: Sandbox, listener: Listener, fault: str
) -> None:
    sandbox.set(**{fault: 1})
    with pytest.raises(requests.RequestException):
        sandbox.send()

    listener.wait_for(3)

    assert listener.stories == STORY


def test_nothing_is_told_of_what_was_dropped_or_refused(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(silent_drop_share=1)
    sandbox.send()
    sandbox.set(silent_drop_share=0)
    sandbox.send(message="*refused*")
    sandbox.send(message="Told")

    listener.wait_for(3)

    assert {one.body["message"]["text"] for one in listener.heard} == {"Told"}


def test_some_are_never_read(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(read_share=0)
    sandbox.send()

    assert sandbox.settled()["by_event"] == {"message.sent": 1, "message.status.updated": 1}
    assert listener.stories == STORY[:2]


def test_a_failure_takes_the_place_of_sent_or_of_delivered(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(fail_share=1)
    sandbox.send()
    (failed,) = listener.wait_for(1)
    assert failed.what == "message.failed"
    assert failed.body["error"] == {"code": 131026, "message": "Message undeliverable"}
    assert failed.body["to"] == ASHA

    sandbox.set(sent_before_failed=True, fail_code=131049)
    sandbox.send(message="Again")
    listener.wait_for(3)

    assert listener.stories[1:] == ["message.sent", "message.failed"]
    assert listener.heard[-1].body["error"]["code"] == 131049
    assert sandbox.last()["messages"][0]["state"] == "failed"
    assert sandbox.counts()["delivered"] == 0


def test_certain_numbers_always_fail(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(fail_numbers=[ASHA, {"number": RAVI, "code": 131050}])
    sandbox.send()
    sandbox.send(to=RAVI)
    sandbox.send(to="919000000008")

    listener.wait_for(5)

    told = {one.body["to"]: one.body["error"]["code"] for one in listener.heard if one.what == "message.failed"}
    assert told == {ASHA: 131026, RAVI: 131050}
    assert [one.what for one in listener.heard if one.body["to"] == "919000000008"] == STORY


def test_anything_but_200_is_tried_three_times_in_all(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(fail_share=1)
    listener.answers = [500, 202, 302]
    sandbox.send()

    tries = listener.wait_for(3)
    assert sandbox.settled()["given_up"] == 1

    assert len({one.raw for one in tries}) == 1
    first, second = (after.at - before.at for before, after in pairwise(tries))
    assert 0.05 <= first < second
    assert second >= 0.1
    (webhook,) = sandbox.get("/_sandbox/webhooks")["webhooks"]
    assert (webhook["outcome"], webhook["tries"]) == ("given_up", [500, 202, 302])
    assert webhook["body"] == tries[0].body


def test_a_second_try_may_do(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(fail_share=1)
    listener.answers = [503]
    sandbox.send()

    assert sandbox.settled()["by_answer"] == {"503": 1, "200": 1}


def test_who_does_not_answer_in_time_is_asked_again(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(webhook_timeout_ms=100, fail_share=1)
    listener.hangs = 0.3
    sandbox.send()

    assert sandbox.settled()["by_answer"] == {"timeout": 3}


def test_an_application_that_is_away_costs_three_tries(sandbox: Sandbox) -> None:
    with listening() as gone:
        pass
    sandbox.set(webhook_url=gone.url, sent_after_ms=0, webhook_retry_ms=10, fail_share=1)
    sandbox.send()

    assert sandbox.settled()["by_answer"] == {"not_reached": 3}


def test_a_webhook_can_come_twice(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(webhook_duplicate_share=1)
    sandbox.send()

    assert sandbox.settled()["duplicates"] == 3
    assert sorted(listener.stories) == sorted(STORY * 2)
    assert len({one.raw for one in listener.heard}) == 3


def test_a_webhook_can_come_after_the_next_one(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(webhook_reorder_share=1)
    sandbox.send()

    listener.wait_for(2)
    assert listener.stories[:2] == ["delivered", "message.sent"]

    listener.wait_for(3)  # nothing comes after it, so it is held for a while only
    assert listener.stories[2] == "read"


def test_a_webhook_can_be_lost_or_late(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(webhook_loss_share=1)
    sandbox.send()
    assert sandbox.settled()["lost"] == 3

    sandbox.set(webhook_loss_share=0, webhook_delay_ms=[300, 400])
    began = time.monotonic()
    sandbox.send(message="Again")
    first, *_ = listener.wait_for(1)

    assert first.at - began >= 0.3
    assert first.body["message"]["text"] == "Again"


def test_a_signature_can_be_wrong_or_missing(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(webhook_wrong_signature_share=1, read_share=0)
    sandbox.send()
    listener.wait_for(2)
    assert not any(one.genuine for one in listener.heard)
    assert all(len(one.headers["X-Webhook-Signature"]) == 64 for one in listener.heard)

    sandbox.set(webhook_secret="")
    sandbox.send(message="Again")

    assert all("X-Webhook-Signature" not in one.headers for one in listener.wait_for(4)[2:])


def test_the_secret_is_shown_to_nobody(sandbox: Sandbox, listener: Listener) -> None:
    assert SECRET not in str(sandbox.get("/_sandbox/faults"))
    assert sandbox.get("/_sandbox/faults")["webhook_secret"] == "**********"


@pytest.mark.parametrize("url", ["ftp://x/", "nonsense", "http://", "http://host:port/", "http://host/a b"])
def test_a_url_that_cannot_be_called_is_refused(sandbox: Sandbox, url: str) -> None:
    answer = sandbox.http.patch(f"{sandbox.url}/_sandbox/faults", json={"webhook_url": url}, timeout=5)

    assert answer.status_code == 400
    assert "webhook_url" in answer.json()["message"]


def test_what_is_forgotten_is_told_of_no_more(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(delivered_after_ms=200)
    listener.answers = [500]
    sandbox.send()
    listener.wait_for(1)
    sandbox.http.delete(f"{sandbox.url}/_sandbox/requests", timeout=5)
    time.sleep(0.4)

    assert listener.stories == ["message.sent"]
    assert sandbox.get("/_sandbox/webhooks")["counts"]["total"] == 0


def test_without_a_url_nothing_is_made(sandbox: Sandbox) -> None:
    sandbox.send()
    time.sleep(0.3)

    assert sandbox.get("/_sandbox/webhooks")["counts"]["total"] == 0
    assert sandbox.last()["messages"] == []


def test_the_listing_can_be_narrowed_and_continued(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.send()
    sandbox.send(to=RAVI)
    sandbox.settled()

    of_ravi = sandbox.get("/_sandbox/webhooks", customer=RAVI, event="message.sent")
    assert of_ravi["counts"]["total"] == 1
    assert of_ravi["webhooks"][0]["body"]["to"] == RAVI
    after = of_ravi["last"] - 2
    assert [one["number"] for one in sandbox.get("/_sandbox/webhooks", after=after)["webhooks"]] == [
        after + 1,
        after + 2,
    ]


def test_the_environment_sets_where_webhooks_go() -> None:
    with (
        listening() as listener,
        sandbox_process(
            SANDBOX_WEBHOOK_URL=listener.url, SANDBOX_WEBHOOK_SECRET=SECRET, SANDBOX_SENT_AFTER_MS="1"
        ) as sandbox,
    ):
        sandbox.send()
        (sent,) = listener.wait_for(1)
        assert sent.genuine


def test_five_hundred_messages_are_told_of_over_few_connections(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.set(sent_after_ms=[0, 500])
    began = time.monotonic()
    for number in range(500):
        sandbox.send(to=f"9190000001{number % 50:02}", message=f"Message {number}")

    assert sandbox.settled()["answered"] == 1_500
    assert 1_500 / (time.monotonic() - began) > 10_000 / 60
    assert len({one.raw for one in listener.heard}) == 1_500
    assert all(one.genuine for one in listener.heard)
    assert listener.connections <= 16
