"""Messages after an occasion: derived, stopped, followed when rules change, and outlived by no personal data."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from harkara.inbound.events import MessageReceived
from harkara.inbound.words import Cancel, Confirm, Reply, Reschedule, Words
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.events.inbound_messages import record_received
from harkara.ledger.occasions.answers import record_answer, report_kind
from harkara.ledger.occasions.commands import rederive
from harkara.ledger.occasions.queries import get_occasion, outdated_reminders
from harkara.ledger.tables import occasion
from harkara.occasions import Closing, Occasion, OccasionKey
from harkara.receipt import Change
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.occasions import (
    CONFIG,
    PLAN,
    closing,
    load_plan,
    move_into_past,
    noon,
    occasion_rows,
    reminder_rows,
    rules_and_states,
    save,
    visit,
)
from tests.integration.ledger.steps import (
    ACCEPTED,
    DAY,
    begin_posts,
    claim_messages,
    record_outcome,
    row,
    run_sweep,
    update_message,
)

INVOICE = {"customer": "Asha", "invoice": "I1", "amount": "Rs 500", "late_fee": "Rs 50", "url_suffix": "p1"}
CART = {"customer": "Asha", "items": "3 items", "total": "Rs 500", "url_suffix": "c1"}
FEEDBACK = {"customer": "Asha", "provider": "Dr Rao", "url_suffix": "f1"}
CANCELLATION = """
[fill.appointment]
date = "date"
time = "time"
reason = "reason"

[kind.appointment.cancelled]
while = "cancelled"
origin = "closing"
offset = "0h"
template = "appointment_cancellation"
not_before = "0h"
useful_until = "+12h"
quiet = "later"
set = { new_slot = "call us" }
"""


@pytest.fixture(autouse=True)
def _audited(db: Database) -> Iterator[None]:
    """Audit the ledger after each test."""
    yield
    assert audit(db).findings == []


def other(kind: str, parameters: Mapping[str, str], at: datetime, reference: str = "r") -> Occasion:
    return Occasion(
        kind=kind, reference=reference, to="+919876500001", at=at, zone="Asia/Kolkata", parameters=parameters
    )


def end(kind: str, status: Any, reference: str = "r", reason: str | None = None) -> Closing:
    return Closing(kind=kind, reference=reference, status=status, reason=reason)


def edited(tmp_path: Path, old: str, new: str) -> str:
    file = tmp_path / "reminders.toml"
    text = (CONFIG / "reminders.toml").read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return str(file)


def with_cancellation(tmp_path: Path) -> str:
    return edited(tmp_path, '[fill.appointment]\ndate = "date"\ntime = "time"\n', CANCELLATION)


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_overdue_reminders_end_when_the_invoice_is_closed(db: Database, status: str) -> None:
    save(db, other("overdue", INVOICE, noon(-4)))
    assert rules_and_states(db) == [("+3d", "waiting"), ("+7d", "waiting")]
    assert save(db, end("overdue", status)) == [Change.CHANGED]
    assert rules_and_states(db) == [("+3d", "cancelled"), ("+7d", "cancelled")]
    assert occasion_rows(db)[0]["follow_up_until"] is None


def test_an_order_ends_the_reminders_of_the_cart(db: Database) -> None:
    save(db, other("cart", CART, datetime.now(UTC)))
    assert [(r["rule"], r["category"]) for r in reminder_rows(db, state="waiting")] == [
        ("+1h", "marketing"),
        ("+24h", "marketing"),
    ]
    save(db, end("cart", "completed", reason="ordered"))
    assert reminder_rows(db, state="waiting") == []


def test_feedback_is_asked_for_when_a_visit_is_completed_and_not_after_a_no_show(db: Database) -> None:
    now = datetime.now(UTC)
    save(db, other("feedback", FEEDBACK, now, "kept"), other("feedback", FEEDBACK, now, "missed"))
    assert reminder_rows(db) == []
    save(db, end("feedback", "completed", "kept"), end("feedback", "no-show", "missed"))
    (asked,) = reminder_rows(db, state="waiting")
    assert (asked["rule"], asked["revision"]) == ("+2h", 2)
    with db.read() as tx:
        assert outdated_reminders(tx, [asked["id"]]) == {}
    save(db, end("feedback", "no-show", "kept"))
    assert row(db, asked["id"])["reason"] == "Its feedback ended as a no-show."


def test_a_claimed_follow_up_is_stopped_by_a_change_of_the_status(db: Database) -> None:
    """The change finds it in the hands of a worker, and the gate before its POST compares the revisions."""
    save(db, other("feedback", FEEDBACK, datetime.now(UTC)), end("feedback", "completed"))
    (asked,) = reminder_rows(db)
    with db.write() as tx:
        tx.execute(update(occasion).values(revision=occasion.c.revision + 1, status="no-show"))
    with db.read() as tx:
        assert outdated_reminders(tx, [asked["id"]]) == {asked["id"]: "Its feedback ended as a no-show."}
    with db.write() as tx:
        tx.execute(update(occasion).values(revision=occasion.c.revision - 1))


def test_a_cancelled_occasion_sends_the_cancellation_of_its_kind_once(db: Database, tmp_path: Path) -> None:
    plan = load_plan(with_cancellation(tmp_path))
    save(db, visit(), plan=plan)
    save(db, closing(reason="The doctor is ill"), plan=plan)
    (sent,) = reminder_rows(db, state="waiting")
    assert sent["rule"] == "cancelled"
    assert sent["template"] == "appointment_cancellation"
    assert all(text in sent["body"] for text in ("The doctor is ill", "call us", "12:00 PM", '"CONFIRM"'))
    post(db, sent["id"])
    save(db, closing(reason="The doctor is ill again"), plan=plan)
    assert len(reminder_rows(db, "cancelled")) == 1


def test_an_occasion_that_is_opened_and_cancelled_again_sends_a_cancellation_for_each_time(
    db: Database, tmp_path: Path
) -> None:
    plan = load_plan(with_cancellation(tmp_path))
    save(db, visit(), closing(reason="ill"), plan=plan)
    post(db, reminder_rows(db, "cancelled")[0]["id"])
    save(db, visit(), plan=plan)
    assert [r["rule"] for r in reminder_rows(db, state="waiting")] == ["-24h", "-2h"]
    time.sleep(1.1)  # a slot names the second of the closing
    save(db, closing(reason="ill again"), plan=plan)
    assert [r["state"] for r in reminder_rows(db, "cancelled")] == ["accepted", "waiting"]


def test_a_cancellation_without_a_reason_says_why_it_is_not_sent(db: Database, tmp_path: Path) -> None:
    plan = load_plan(with_cancellation(tmp_path))
    save(db, visit(), closing(), plan=plan)
    assert reminder_rows(db, "cancelled") == []
    shown = get_occasion(db, OccasionKey("visit 7", "appointment", "default"), plan)
    assert {each.rule: each.code for each in shown.skipped} == {
        "-24h": "other-status",
        "-2h": "other-status",
        "cancelled": "parameters",
    }


def test_changed_rules_reach_the_reminders_after_an_occasion(db: Database, tmp_path: Path) -> None:
    save(db, other("overdue", INVOICE, noon(-4)))
    save(db, other("feedback", FEEDBACK, datetime.now(UTC)), end("feedback", "completed"))
    assert rederive(db, PLAN, DEADLINES) == 0
    assert len(reminder_rows(db, state="waiting")) == 3
    later = load_plan(
        edited(
            tmp_path, '.overdue."+7d"]\noffset = "+7d"\nat = "10:00"', '.overdue."+8d"]\noffset = "+8d"\nat = "10:00"'
        )
    )
    assert rederive(db, later, DEADLINES) == 1
    assert [r["rule"] for r in reminder_rows(db, state="waiting")] == ["+3d", "+2h", "+8d"]
    without = load_plan(edited(tmp_path, 'while = "completed"', 'while = "cancelled"'))
    assert rederive(db, without, DEADLINES) == 2
    assert [r["rule"] for r in reminder_rows(db, state="waiting")] == ["+3d", "+7d"]
    assert rederive(db, without, DEADLINES) == 0


def test_the_number_stays_until_the_last_follow_up_and_no_longer(db: Database) -> None:
    save(db, other("feedback", FEEDBACK, datetime.now(UTC) - timedelta(hours=1)), end("feedback", "completed"))
    assert run_sweep(db, retention=DAY)["forgotten"] == 0
    (asked,) = reminder_rows(db, state="waiting")
    post(db, asked["id"])
    assert run_sweep(db, retention=DAY)["forgotten"] == 1
    assert occasion_rows(db)[0]["recipient"] is None


def test_an_occasion_that_an_older_release_closed_sends_no_cancellation_later(db: Database, tmp_path: Path) -> None:
    """It does not record the time of the closing."""
    plan = load_plan(with_cancellation(tmp_path))
    save(db, visit(), closing(reason="ill"))
    with db.write() as tx:
        long_ago = datetime.now(UTC) - timedelta(days=1)
        tx.execute(update(occasion).values(closed_at=None, created_at=long_ago))
    save(db, closing(reason="very ill"), plan=plan)
    assert reminder_rows(db, "cancelled") == []


@pytest.mark.parametrize(
    ("reply", "answer"), [(Confirm(), "confirmed"), (Cancel(), "cancelled"), (Reschedule(), "rescheduled")]
)
def test_the_report_counts_what_customers_answered_to_each_rule(db: Database, reply: Reply, answer: str) -> None:
    save(db, visit("a"), visit("b"), visit("c"), other("overdue", INVOICE, noon(-4)))
    first, second, _ = reminder_rows(db, "-24h")
    for each in (first, second):
        post(db, each["id"])
    with db.write() as tx:
        record_answer(tx, first["id"], reply)
    save(db, closing("no-show", "b"))
    found = report_kind(db, "appointment")
    assert found["occasions"] == {"open": 2, "cancelled": 0, "completed": 0, "no-show": 1}
    (rule,) = found.rules
    assert {name: rule[name] for name in rule if rule[name]} == {
        "rule": "-24h",
        "sent": 2,
        answer: 1,
        "no_answer": 1,
        "no_show": 1,
    }
    assert report_kind(db, "appointment", lanes=["other"]).rules == ()
    assert report_kind(db, "appointment", until=noon(2))["occasions"]["open"] == 0


def test_the_answer_of_a_customer_is_recorded_with_the_reminder(db: Database) -> None:
    words = Words.load(CONFIG / "words.toml")
    save(db, visit())
    (reminder, _) = reminder_rows(db)
    post(db, reminder["id"])
    for text, answer in (("Thanks", None), ("CONFIRM", "confirmed"), ("CANCEL", "cancelled")):
        now = datetime.now(UTC)
        received = MessageReceived(identity=text, sender="919876500001", kind="text", at=now, text=text)
        with db.write() as tx:
            record_received(tx, "default", received, words)
        assert row(db, reminder["id"])["answer"] == answer


def test_a_whole_day_that_has_passed_is_past_for_the_retention(db: Database) -> None:
    save(db, other("payment", INVOICE, noon(3)))
    move_into_past(db, timedelta(days=30))
    assert run_sweep(db, retention=DAY)["forgotten"] == 1


def post(db: Database, identity: str) -> None:
    """Send a reminder now."""
    update_message(db, identity, due_at=datetime.now(UTC) - timedelta(seconds=5))
    (claimed,) = claim_messages(db, identity)
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
