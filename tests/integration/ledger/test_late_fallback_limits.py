"""Which failures send the fallback of an accepted message, and how long the fallback is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.commands import resolve
from harkara.ledger.tables import message
from harkara.messages import Template
from harkara.outcomes import Uncertain
from tests.integration.ledger.late_fallback import (
    failed,
    fallback_webhook,
    send_fallback,
    with_fallback,
)
from tests.integration.ledger.outbox import notified_states
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    accept_messages,
    age_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    marketing,
    record_outcome,
    reply,
    row,
    run_sweep,
)
from tests.integration.ledger.webhooks import (
    deliver_webhooks,
    post_message,
    send_message,
    state_of,
    status_webhook,
)


def resent(db: Database) -> str:
    claimed = post_message(db, with_fallback())
    record_outcome(db, claimed, Uncertain("502", "Bad gateway", 5, 502))
    age_messages(db, 6)
    run_sweep(db)
    return send_fallback(db, claimed.id).id


def seen_by_an_operator(db: Database) -> str:
    message_id = send_message(db, with_fallback(), LOST)
    resolve(db, message_id, "sent", "Asha")
    return message_id


def past_its_deadline(db: Database) -> str:
    message_id = send_message(db, with_fallback(expires=datetime.now(UTC) + timedelta(minutes=30)))
    age_messages(db, 31 * 60)
    return message_id


def erased(db: Database) -> str:
    message_id = past_its_deadline(db)
    run_sweep(db, retention=60)
    return message_id


def a_template(db: Database) -> str:
    return send_message(db, marketing())


def without_a_fallback(db: Database) -> str:
    return send_message(db, reply())


@pytest.mark.parametrize(
    "history", [resent, seen_by_an_operator, past_its_deadline, erased, a_template, without_a_fallback]
)
def test_a_message_that_may_have_arrived_or_is_too_late_fails(db: Database, history: Any) -> None:
    message_id = history(db)
    posts = len(attempts_of(db, message_id))
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id == message_id).values(job_id="job-1"))
    deliver_webhooks(db, failed(db, jobId="job-1"))
    assert (state_of(db, message_id), row(db, message_id)["code"]) == ("failed", "window-closed")
    assert (row(db, message_id)["fallback"], row(db, message_id)["replaced"]) == (None, False)
    assert len(attempts_of(db, message_id)) == posts


@pytest.mark.parametrize("code", [131049, 130472, 131053, 999999])
def test_a_failure_for_another_reason_sends_no_fallback(db: Database, code: int) -> None:
    message_id = send_message(db, with_fallback())
    deliver_webhooks(db, failed(db, code))
    assert (state_of(db, message_id), row(db, message_id)["fallback"]) == ("failed", None)


def test_a_fallback_that_fails_too_is_final(db: Database) -> None:
    message_id = send_message(db, with_fallback())
    deliver_webhooks(db, failed(db))
    claimed = send_fallback(db, message_id)
    template = json.loads(claimed.body)["messages"][0]["template"]
    deliver_webhooks(db, failed(db, wamid="wamid.2", message={"type": "template", "template": template}))
    assert state_of(db, message_id) == "failed"
    assert audit(db).clean


@pytest.mark.parametrize("status", ["delivered", "read", "failed"])
def test_a_fallback_is_kept_until_it_cannot_be_needed_any_more(db: Database, status: str) -> None:
    message_id = send_message(db, with_fallback())
    assert row(db, message_id)["fallback"]
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert row(db, message_id)["fallback"]
    deliver_webhooks(db, status_webhook(db, status))
    assert (state_of(db, message_id), row(db, message_id)["fallback"]) == (status, None)


def test_a_fallback_is_erased_when_the_deadline_of_its_message_has_passed(db: Database) -> None:
    late, early = (
        send_message(db, with_fallback(n, expires=datetime.now(UTC) + timedelta(minutes=30 * (n + 1))))
        for n in range(2)
    )
    age_messages(db, 31 * 60)
    assert run_sweep(db)["late-fallbacks"] == 1
    assert (row(db, late)["fallback"], bool(row(db, early)["fallback"])) == (None, True)


def test_a_lane_without_webhooks_keeps_no_fallback(db: Database) -> None:
    (message_id,) = accept_messages(db, with_fallback())
    (claimed,) = claim_messages(db, message_id)
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    assert (state_of(db, message_id), row(db, message_id)["fallback"]) == ("accepted", None)


def test_a_fallback_that_is_marketing_has_the_consent_and_the_quiet_hours_of_marketing(db: Database) -> None:
    message_id = send_message(db, with_fallback(fallback=Template("spring_sale", category="marketing")))
    assert not row(db, message_id)["quiet"]
    deliver_webhooks(db, failed(db))
    assert (row(db, message_id)["category"], row(db, message_id)["quiet"]) == ("marketing", True)


def test_the_application_learns_of_the_fallback_and_of_no_failure(callback_db: Database) -> None:
    message_id = send_message(callback_db, with_fallback())
    deliver_webhooks(callback_db, status_webhook(callback_db, "sent"), failed(callback_db))
    claimed = send_fallback(callback_db, message_id)
    deliver_webhooks(callback_db, fallback_webhook(callback_db, "delivered", claimed))
    assert notified_states(callback_db, message_id) == ["accepted", "sent", "accepted", "delivered"]
