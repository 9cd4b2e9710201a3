"""The delivery of webhooks: retries, faults, signatures, and the list of webhooks."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from tests.integration.sandbox.process import Sandbox, sandbox_process
from tests.integration.sandbox.receiver import SECRET, Receiver, webhook_receiver
from tests.integration.sandbox.test_webhook_events import EVENTS, RAVI


def test_any_response_but_200_is_tried_three_times_in_all(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(fail_share=1)
    receiver.statuses = [500, 202, 302]
    sandbox.send()

    received = receiver.wait_for(3)
    assert sandbox.wait_settled()["given_up"] == 1

    assert len({one.raw for one in received}) == 1
    first, second = (after.at - before.at for before, after in pairwise(received))
    assert 0.05 <= first < second
    assert second >= 0.1
    (webhook,) = sandbox.get("/_sandbox/webhooks")["webhooks"]
    assert (webhook["outcome"], webhook["tries"]) == ("given_up", [500, 202, 302])
    assert webhook["body"] == received[0].body


def test_a_second_try_may_succeed(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(fail_share=1)
    receiver.statuses = [503]
    sandbox.send()

    assert sandbox.wait_settled()["by_answer"] == {"503": 1, "200": 1}


def test_a_receiver_that_is_too_slow_gets_the_webhook_again(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(webhook_timeout_ms=100, fail_share=1)
    receiver.delay = 0.3
    sandbox.send()

    assert sandbox.wait_settled()["by_answer"] == {"timeout": 3}


def test_an_unreachable_application_costs_three_tries(sandbox: Sandbox) -> None:
    with webhook_receiver() as unreachable:
        pass
    sandbox.set(webhook_url=unreachable.url, sent_after_ms=0, webhook_retry_ms=10, fail_share=1)
    sandbox.send()

    assert sandbox.wait_settled()["by_answer"] == {"not_reached": 3}


def test_a_webhook_can_come_twice(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(webhook_duplicate_share=1)
    sandbox.send()

    assert sandbox.wait_settled()["duplicates"] == 3
    assert sorted(receiver.events) == sorted(EVENTS * 2)
    assert len({one.raw for one in receiver.received}) == 3


def test_a_webhook_can_come_after_the_next_one(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(webhook_reorder_share=1)
    sandbox.send()

    receiver.wait_for(2)
    assert receiver.events[:2] == ["delivered", "message.sent"]

    receiver.wait_for(3)  # nothing comes after it, so it is held for HELD_SECONDS only
    assert receiver.events[2] == "read"


def test_a_webhook_can_be_lost_or_late(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(webhook_loss_share=1)
    sandbox.send()
    assert sandbox.wait_settled()["lost"] == 3

    sandbox.set(webhook_loss_share=0, webhook_delay_ms=[300, 400])
    began = time.monotonic()
    sandbox.send(message="Again")
    first, *_ = receiver.wait_for(1)

    assert first.at - began >= 0.3
    assert first.body["message"]["text"] == "Again"


def test_a_signature_can_be_wrong_or_missing(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(webhook_wrong_signature_share=1, read_share=0)
    sandbox.send()
    receiver.wait_for(2)
    assert not any(one.genuine for one in receiver.received)
    assert all(len(one.headers["X-Webhook-Signature"]) == 64 for one in receiver.received)

    sandbox.set(webhook_secret="")
    sandbox.send(message="Again")

    assert all("X-Webhook-Signature" not in one.headers for one in receiver.wait_for(4)[2:])


def test_the_secret_is_never_shown(sandbox: Sandbox, receiver: Receiver) -> None:
    assert SECRET not in str(sandbox.get("/_sandbox/faults"))
    assert sandbox.get("/_sandbox/faults")["webhook_secret"] == "**********"


@pytest.mark.parametrize("url", ["ftp://x/", "nonsense", "http://", "http://host:port/", "http://host/a b"])
def test_an_invalid_webhook_url_is_refused(sandbox: Sandbox, url: str) -> None:
    answer = sandbox.http.patch(f"{sandbox.url}/_sandbox/faults", json={"webhook_url": url}, timeout=60)

    assert answer.status_code == 400
    assert "webhook_url" in answer.json()["message"]


def test_cleared_messages_cause_no_more_events(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(delivered_after_ms=200)
    receiver.statuses = [500]
    sandbox.send()
    receiver.wait_for(1)
    sandbox.http.delete(f"{sandbox.url}/_sandbox/requests", timeout=60)
    time.sleep(0.4)

    assert receiver.events == ["message.sent"]
    assert sandbox.get("/_sandbox/webhooks")["counts"]["total"] == 0


def test_without_a_url_there_are_no_webhooks(sandbox: Sandbox) -> None:
    sandbox.send()
    time.sleep(0.3)

    assert sandbox.get("/_sandbox/webhooks")["counts"]["total"] == 0
    assert sandbox.last()["messages"] == []


def test_webhooks_can_be_filtered_and_paged(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.send()
    sandbox.send(to=RAVI)
    sandbox.wait_settled()

    of_ravi = sandbox.get("/_sandbox/webhooks", customer=RAVI, event="message.sent")
    assert of_ravi["counts"]["total"] == 1
    assert of_ravi["webhooks"][0]["body"]["to"] == RAVI
    after = of_ravi["last"] - 2
    assert [one["number"] for one in sandbox.get("/_sandbox/webhooks", after=after)["webhooks"]] == [
        after + 1,
        after + 2,
    ]


def test_the_environment_sets_the_webhook_url() -> None:
    with (
        webhook_receiver() as receiver,
        sandbox_process(
            SANDBOX_WEBHOOK_URL=receiver.url, SANDBOX_WEBHOOK_SECRET=SECRET, SANDBOX_SENT_AFTER_MS="1"
        ) as sandbox,
    ):
        sandbox.send()
        (sent,) = receiver.wait_for(1)
        assert sent.genuine


def test_the_webhooks_of_500_messages_use_few_connections(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(sent_after_ms=[0, 500])
    for number in range(500):
        sandbox.send(to=f"9190000001{number % 50:02}", message=f"Message {number}")

    assert sandbox.wait_settled()["answered"] == 1_500
    assert len({one.raw for one in receiver.received}) == 1_500
    assert all(one.genuine for one in receiver.received)
    assert receiver.connections <= 16
