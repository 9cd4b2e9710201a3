"""An uncertain message is resent on negative evidence only: webhooks show that it did not arrive."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.sweep import Crashed, sweep
from harkara.ledger.tables import message
from harkara.messages import Envelope, Template
from harkara.outcomes import Accepted, Uncertain
from tests.integration.ledger.statements import listener
from tests.integration.ledger.steps import age_messages, record_outcome, reply, row, run_sweep
from tests.integration.ledger.webhooks import (
    CONTEXT,
    age_events,
    deliver_webhooks,
    post_message,
    process_events,
    send_message,
    state_of,
    status_webhook,
    store_webhooks,
)

UNCERTAIN = Uncertain("read-timeout", "No answer came.", 600.0, on_evidence=True)


def test_an_uncertain_message_is_resent_when_webhooks_report_later_ones_and_not_this_one(db: Database) -> None:
    message_id = uncertain_message(db)
    send_message(db, utility(1))
    deliver_webhooks(db, utility_webhook(db, 1))
    run_sweep(db)
    stored = row(db, message_id)
    assert (stored["state"], stored["resends"], stored["maybe_duplicate"]) == ("waiting", 1, True)
    assert audit(db).clean


def test_nothing_is_decided_before_the_resend_is_due(db: Database) -> None:
    message_id = send_message(db, utility(0), UNCERTAIN)
    send_message(db, utility(1))
    deliver_webhooks(db, utility_webhook(db, 1))
    assert not run_sweep(db)
    assert row(db, message_id)["resend_at"] is not None


def test_without_any_webhook_it_is_left_to_the_operator(db: Database) -> None:
    message_id = uncertain_message(db)
    assert left_to_operator(db, message_id)
    assert not run_sweep(db), "it is decided once"


def test_webhooks_of_another_kind_of_message_are_no_evidence(db: Database) -> None:
    """Chat Mitra may report texts and no templates."""
    message_id = uncertain_message(db)
    send_message(db, reply(1))
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.1", 1))
    assert left_to_operator(db, message_id)


def test_webhooks_that_match_by_job_id_are_no_evidence(db: Database) -> None:
    message_id = uncertain_message(db)
    send_message(db, utility(1), Accepted("job-1", 202))
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.1", 1, jobId="job-1", message=None))
    assert left_to_operator(db, message_id)


def test_customers_messages_are_no_evidence(db: Database) -> None:
    message_id = uncertain_message(db)
    deliver_webhooks(db, b'{"event":"message.received","from":"919876500001","message":"Hello"}')
    assert left_to_operator(db, message_id)


def test_webhooks_of_another_lane_or_of_earlier_messages_are_no_evidence(db: Database) -> None:
    send_message(db, utility(1))
    message_id = uncertain_message(db)
    send_message(db, utility(2, lane="north"))
    deliver_webhooks(db, utility_webhook(db, 1))
    deliver_webhooks(db, utility_webhook(db, 2), lane="north")
    assert left_to_operator(db, message_id)


def test_old_webhooks_are_no_evidence(db: Database) -> None:
    message_id = uncertain_message(db)
    send_message(db, utility(1))
    deliver_webhooks(db, utility_webhook(db, 1))
    age_events(db, 400)
    assert left_to_operator(db, message_id)


def test_webhooks_of_much_later_messages_alone_are_no_evidence(db: Database) -> None:
    """The HTTP API was down for ten minutes, and Chat Mitra may still retry its webhooks."""
    message_id = send_message(db, utility(0), UNCERTAIN)
    age_messages(db, 601)
    send_message(db, utility(1))
    deliver_webhooks(db, utility_webhook(db, 1))
    assert left_to_operator(db, message_id)


def test_a_stored_event_is_applied_before_anything_is_decided(db: Database) -> None:
    message_id = send_message(db, utility(0), UNCERTAIN)
    send_message(db, utility(1))
    deliver_webhooks(db, utility_webhook(db, 1))
    store_webhooks(db, utility_webhook(db, 0, "delivered"))
    make_resend_due(db, message_id)
    run_sweep(db)
    assert state_of(db, message_id) == "uncertain"
    process_events(db)
    run_sweep(db)
    assert state_of(db, message_id) == "delivered"


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_the_query_for_new_events_uses_the_index_of_new_events(db: Database) -> None:
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "event.tries" in statement and statement.startswith("SELECT"):
            plan = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(step[3] for step in plan)

    uncertain_message(db)
    with listener(db.engine, "before_cursor_execute", explain):
        run_sweep(db)
    assert plans == ["SCAN event USING INDEX ix_event_due"]


def test_a_message_of_a_crashed_worker_needs_evidence_too(db: Database) -> None:
    claimed = post_message(db, utility(0))
    age_messages(db, 31)
    sweep_with_webhooks(db)
    stored = row(db, claimed.id)
    assert (stored["state"], stored["on_evidence"]) == ("uncertain", True)
    age_messages(db, 601)
    assert left_to_operator(db, claimed.id)


def test_a_resend_that_needs_no_evidence_does_not_wait_for_it(db: Database) -> None:
    message_id = send_message(db, reply(), Uncertain("502", "Bad gateway", 60.0, 502))
    age_messages(db, 61)
    run_sweep(db)
    assert state_of(db, message_id) == "waiting"


def test_an_event_after_the_decision_for_the_operator_still_counts(db: Database) -> None:
    claimed = post_message(db, utility(0))
    record_outcome(db, claimed, UNCERTAIN)
    age_messages(db, 601)
    assert left_to_operator(db, claimed.id)
    deliver_webhooks(db, utility_webhook(db, 0))
    assert state_of(db, claimed.id) == "sent"


def utility(n: int = 0, **options: Any) -> Envelope:
    """Return a utility template to the person number `n`."""
    template = Template("payment_reminder", body=[f"no. {n}"], category="utility")
    return Envelope(to=f"+9198765{n:05d}", messages=[template], **options)


def utility_webhook(db: Database, n: int, status: str = "sent", **fields: Any) -> bytes:
    """Return a status webhook that shows the whole message `utility(n)`."""
    content = {"type": "template", "template": utility(n).body()["messages"][0]["template"]}
    return status_webhook(db, status, f"wamid.{n}", n, message=content, **fields)


def uncertain_message(db: Database) -> str:
    """Return an uncertain message whose resend is due."""
    message_id = send_message(db, utility(0), UNCERTAIN)
    make_resend_due(db, message_id)
    return message_id


def make_resend_due(db: Database, message_id: str) -> None:
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id == message_id).values(resend_at=tx.now))


def left_to_operator(db: Database, message_id: str) -> bool:
    run_sweep(db)
    stored = row(db, message_id)
    assert stored["state"] == "uncertain"
    return stored["resend_at"] is None and stored["code"] == "no-evidence" and "harkara resolve" in stored["reason"]


def sweep_with_webhooks(db: Database) -> None:
    def policy(crashed: Crashed) -> Uncertain:
        return CONTEXT.playbook.after_crash(crashed, evidence=CONTEXT.lanes[crashed.lane].webhooks_enabled)

    sweep(db, policy)
