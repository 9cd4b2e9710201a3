"""The 24-hour window and the opt-out at the moment of sending."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from harkara.lanes import Lane
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from harkara.ledger.tables import contact
from harkara.messages import Template
from harkara.messages.template import TemplateCategory
from tests.integration.delivery.running import posts, receive_message, running_sender, settle
from tests.integration.ledger.steps import (
    DAY,
    accept_messages,
    attempts_of,
    marketing,
    otp,
    reply,
    row,
    states_of,
)
from tests.integration.ledger.webhooks import deliver_webhooks, status_webhook
from tests.integration.sandbox.process import Sandbox

WITH_WEBHOOKS = Lane("default", "token:secret", None, webhook_secret="of the webhooks")

FALLBACK = Template("table_ready", body=["Asha"])


def test_in_a_lane_with_webhooks_only_contacts_that_wrote_get_raw_messages(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    receive_message(db, 1)
    receive_message(db, 2, ago=DAY)
    ids = accept_messages(db, reply(1), reply(2), reply(3), otp(3))
    with running_sender(db, sandbox, redis_url, lane=WITH_WEBHOOKS) as sender:
        sender.send(ids)
    assert states_of(db, ids) == ["accepted", "failed", "failed", "accepted"]
    assert {row(db, identity)["code"] for identity in ids[1:3]} == {"window-closed"}
    assert posts(sandbox) == 2
    assert "window open for 24.0 h" in attempts_of(db, ids[0])[0]["gates"]
    assert attempts_of(db, ids[1]) == []
    assert audit(db).clean


def test_a_window_that_closes_while_a_message_waits_sends_its_fallback(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    receive_message(db, 1, ago=DAY - 60)
    (identity,) = accept_messages(db, reply(1, fallback=FALLBACK, customer_name="Asha"))
    with db.write() as tx:
        tx.execute(update(contact).values(wrote_at=datetime.now(UTC) - timedelta(seconds=DAY - 29)))
    with running_sender(db, sandbox, redis_url, lane=WITH_WEBHOOKS) as sender:
        assert settle(db, [sender], [identity]) == Counter(accepted=1)
    (sent,) = bodies(sandbox)
    assert sent["messages"] == [FALLBACK.wire()]
    assert sent["customer_name"] == "Asha"
    stored = row(db, identity)
    assert (stored["kind"], stored["template"], stored["category"], stored["priority"]) == (
        "template",
        "table_ready",
        "utility",
        1,
    )
    assert (stored["replaced"], stored["fallback"], stored["tries"]) == (True, None, 1)
    assert get_status(db, identity)["flags"] == ["fallback"]
    assert [line["event"] for line in get_status(db, identity)["trace"]].count("waiting") == 1
    assert audit(db).clean


def test_a_message_without_a_fallback_is_replaced_by_the_template_of_the_lane(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    ids = accept_messages(db, reply(1), reply(2, fallback=FALLBACK))
    with running_sender(db, sandbox, redis_url, lane=replace(WITH_WEBHOOKS, reengage="write_to_us")) as sender:
        assert settle(db, [sender], ids) == Counter(accepted=2)
    assert {row(db, identity)["template"] for identity in ids} == {"write_to_us", "table_ready"}
    assert posts(sandbox) == 2


def test_a_refusal_for_the_window_costs_one_attempt_and_then_the_fallback_is_sent(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    """Without webhooks the window is unknown before the POST."""
    sandbox.set(code_next={"code": 131047, "message": "Re-engagement message", "count": 2})
    ids = accept_messages(db, reply(1, fallback=FALLBACK), reply(2))
    with running_sender(db, sandbox, redis_url) as sender:
        assert settle(db, [sender], ids) == Counter(accepted=1, failed=1)
    stored = row(db, ids[0])
    assert (stored["state"], stored["replaced"], stored["tries"]) == ("accepted", True, 2)
    assert [attempt["outcome"] for attempt in attempts_of(db, ids[0])] == ["replaced", "accepted"]
    assert audit(db).clean


def test_a_template_that_is_refused_for_the_window_fails_at_once(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    """The template of the lane could otherwise replace a refused fallback, and then itself, until the deadline."""
    sandbox.set(code_next={"code": 131047, "message": "Re-engagement message", "count": 20})
    ids = accept_messages(db, reply(1, fallback=FALLBACK), reply(2), otp(3))
    with running_sender(
        db, sandbox, redis_url, lane=replace(WITH_WEBHOOKS, webhook_secret=None, reengage="write_to_us")
    ) as sender:
        assert settle(db, [sender], ids) == Counter(failed=3)
    assert [len(attempts_of(db, identity)) for identity in ids] == [2, 2, 1]
    assert {row(db, identity)["code"] for identity in ids} == {"window-closed"}


def test_a_stop_between_claim_and_gates_cancels_the_message(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    ids = accept_messages(db, reply(1), marketing(2), reply(3))

    def checkpoint(name: str) -> None:
        if name == "K1":
            receive_message(db, 2, text="stop offers")
            receive_message(db, 3, text="STOP")

    receive_message(db, 1, text="STOP")
    with running_sender(db, sandbox, redis_url, checkpoint=checkpoint) as sender:
        sender.send(ids)
    assert states_of(db, ids) == ["cancelled"] * 3
    assert posts(sandbox) == 0


@pytest.mark.parametrize(
    ("said", "category", "state"),
    [
        ("STOP", "utility", "cancelled"),
        ("stop offers", "marketing", "cancelled"),
        ("stop offers", "utility", "accepted"),
    ],
)
def test_the_gates_judge_a_fallback_after_a_late_failure_like_any_message(
    db: Database, sandbox: Sandbox, redis_url: str, said: str, category: TemplateCategory, state: str
) -> None:
    """The person opts out between the first POST and the webhook that lets the fallback be sent."""
    receive_message(db, 1)
    fallback = Template("table_ready", body=["Asha"], category=category)
    (identity,) = accept_messages(db, reply(1, fallback=fallback))
    with running_sender(db, sandbox, redis_url, lane=WITH_WEBHOOKS) as sender:
        sender.send([identity])
        receive_message(db, 1, text=said)
        error = {"code": 131047, "message": "Re-engagement message"}
        job_id = row(db, identity)["job_id"]
        deliver_webhooks(db, status_webhook(db, "failed", n=1, jobId=job_id, error=error))
        assert settle(db, [sender], [identity]) == Counter({state: 1})
    assert row(db, identity)["code"] == ("opted-out" if state == "cancelled" else None)
    assert posts(sandbox) == (1 if state == "cancelled" else 2)
    assert audit(db).clean


def test_a_refusal_because_the_person_has_stopped_marketing_is_an_opt_out(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    sandbox.set(code_next={"code": 131050, "message": "User has stopped marketing", "count": 1})
    first, second = accept_messages(db, marketing(1), marketing(1, at=datetime.now(UTC) + timedelta(hours=1)))
    with running_sender(db, sandbox, redis_url) as sender:
        sender.send([first])
    assert states_of(db, [first, second]) == ["failed", "cancelled"]
    assert accept_messages(db, marketing(1)) == []
    assert len(accept_messages(db, reply(1))) == 1


def bodies(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [request["body"] for request in sandbox.get("/_sandbox/requests", limit=1_000)["requests"]]
