"""What the ledger shows about the goals of each lane."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text, update

from config.environment import ROOT
from harkara.goals import Goals, Reading
from harkara.lanes import Lane
from harkara.ledger.alarms.measure import measure
from harkara.ledger.campaigns.commands import cancel
from harkara.ledger.charges.budgets import set_budget
from harkara.ledger.database import Database
from harkara.ledger.events.apply import Delivery
from harkara.ledger.events.process import process
from harkara.ledger.halts import hold_producer, park
from harkara.ledger.leases import mark_done
from harkara.ledger.tables import charge, trace
from harkara.money.budgets import Budget
from harkara.outcomes import Refused
from tests.integration.ledger.bulk import fill, only_analyzed_here
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.money import MARKETING, delivered
from tests.integration.ledger.steps import (
    LOST,
    accept_messages,
    age_messages,
    marketing,
    reply,
    update_message,
)
from tests.integration.ledger.steps import send_message as send_without_webhooks
from tests.integration.ledger.webhooks import (
    CONTEXT,
    LANE,
    deliver_webhooks,
    send_message,
    status_webhook,
    store_webhooks,
)

LANES = {"default": LANE}


def read(db: Database, name: str, lanes: dict[str, Lane] = LANES, **section: Any) -> list[float | None]:
    """Return what is measured for a goal in these lanes."""
    goals = Goals.model_validate({name: section})
    return [each.value for each in measure(db, goals, lanes)]


def deliver(db: Database, n: int, seconds: float) -> None:
    """Send the message number `n`, which is delivered after these seconds."""
    identity = send_message(db, reply(n))
    deliver_webhooks(db, status_webhook(db, "delivered", f"wamid.{n}", n=n))
    age_messages(db, 1800, identity)
    with db.write() as tx:
        at = tx.now - timedelta(seconds=1800 - seconds)
        tx.execute(update(trace).where(trace.c.message_id == identity, trace.c.event == "delivered").values(at=at))


def test_the_share_that_is_delivered_in_time(db: Database) -> None:
    section: dict[str, Any] = {"least": 0.98, "within": "10m", "period": "1h", "fewest": 4}
    for n, seconds in enumerate((5.0, 20.0, 700.0)):
        deliver(db, n, seconds)
    assert read(db, "delivered", **section) == [None]
    age_messages(db, 1800, send_message(db, reply(4)))
    assert read(db, "delivered", **section) == [0.5]
    send_message(db, reply(5))  # it has ten minutes
    assert read(db, "delivered", **section) == [0.5]
    assert read(db, "delivered", {"default": replace(LANE, webhook_secret=None)}, **section) == []


def test_the_time_in_which_most_messages_are_delivered(db: Database) -> None:
    section: dict[str, Any] = {"most": "30s", "share": 0.75, "period": "1h", "fewest": 4}
    for n, seconds in enumerate((5.0, 20.0, 25.0, 700.0)):
        deliver(db, n, seconds)
    assert read(db, "delivery-time", **section) == [pytest.approx(25, abs=10)]


def test_a_delivery_is_reported_once_with_its_seconds(db: Database) -> None:
    found: list[Delivery] = []
    age_messages(db, 40, send_message(db, reply()))
    for status in ("delivered", "read"):
        store_webhooks(db, status_webhook(db, status))
        process(db, replace(CONTEXT, on_delivered=found.extend))
    assert [each.lane for each in found] == ["default"]
    assert found[0].seconds == pytest.approx(40, abs=20)


def test_the_oldest_due_message_of_an_open_lane(db: Database) -> None:
    accept_messages(db, reply(1), reply(2, producer="shop"))
    assert read(db, "oldest-due", most="60s") == [pytest.approx(0, abs=20)]
    age_messages(db, 90)
    assert read(db, "oldest-due", most="60s") == [pytest.approx(90, abs=20)]
    with db.write() as tx:
        hold_producer(tx, "default", "default", "paused", "Held.")
    assert read(db, "oldest-due", most="60s") == [pytest.approx(90, abs=20)]
    park(db, "default", "Closed for the day.")
    assert read(db, "oldest-due", most="60s") == [0.0]


def test_a_campaign_waits_for_the_allowance(db: Database) -> None:
    load_campaign(db)
    with db.write() as tx:
        tx.execute(text("DELETE FROM halt"))
    age_messages(db, 900)
    assert read(db, "oldest-due", most="60s") == [0.0]


def test_messages_that_are_uncertain_for_long(db: Database) -> None:
    identity = send_message(db, reply(), LOST)
    assert read(db, "uncertain", most=0, after="1h") == [0]
    with db.read() as tx:
        long_ago = tx.now - timedelta(hours=2)
    update_message(db, identity, changed_at=long_ago)
    assert read(db, "uncertain", most=0, after="1h") == [1]


def test_messages_that_failed_but_for_those_of_campaigns(db: Database) -> None:
    refused = Refused("131026", "Not on WhatsApp.", "Ask for another number.")
    ids = [send_without_webhooks(db, reply(n), refused) for n in range(3)]
    assert read(db, "errors", most=5, period="1h") == [3]
    with db.read() as tx:
        long_ago = tx.now - timedelta(hours=2)
    update_message(db, ids[0], changed_at=long_ago)
    update_message(db, ids[1], campaign_id="campaign_1")
    assert read(db, "errors", most=5, period="1h") == [1]


def test_the_silence_of_webhooks_and_the_age_of_the_heartbeat(db: Database) -> None:
    age_messages(db, 100, send_message(db, reply()))
    assert read(db, "webhooks", most="15m") == [pytest.approx(100, abs=20)]
    assert read(db, "beat", most="60s") == []  # beat has never run
    mark_done(db, "heartbeat", "worker")
    assert read(db, "beat", most="60s") == [pytest.approx(0, abs=20)]


def test_the_share_of_each_budget_that_is_spent(db: Database) -> None:
    identity = load_campaign(db)
    delivered(db, marketing())
    with db.write() as tx:
        tx.execute(update(charge).values(campaign_id=identity))
    for lane, period, campaign_id, times in (
        ("default", "day", "", 1),
        ("default", "month", "", 4),
        ("default", "campaign", identity, 2),
        ("gone", "day", "", 1),
    ):
        set_budget(db, Budget(lane, period, campaign_id, times * MARKETING, "INR"))  # type: ignore[arg-type]  # the test's own
    goals = Goals.model_validate({"budget": {"most": 0.8}})
    assert [*measure(db, goals, LANES)] == [
        Reading("budget", 0.5, "default", identity),
        Reading("budget", 1.0, "default", "day"),
        Reading("budget", 0.25, "default", "month"),
    ]
    cancel(db, identity, "Asha")
    assert [each.subject for each in measure(db, goals, LANES)] == ["day", "month"], "nothing more is spent of it"


def test_no_query_reads_all_messages(db: Database) -> None:
    goals = Goals.load(ROOT / "config" / "goals.toml")
    (template,) = accept_messages(db, reply())
    fill(db, template, 20_000)
    with only_analyzed_here(db), explained() as plans:
        list(measure(db, goals, LANES))
    assert any("ix_message_failed" in plan for plan in plans)
    assert any("ix_message_uncertain" in plan or "ix_message_state" in plan for plan in plans)
    whole = re.compile(r"Seq Scan on message|SCAN message(?! USING)")
    assert [plan for plan in plans if whole.search(plan)] == []


@contextmanager
def explained() -> Iterator[list[str]]:
    """Collect the plan of each query until the end."""
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            prefix = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
            rows = connection.connection.driver_connection.execute(f"{prefix} {statement}", parameters)
            plans.extend(str(row[-1]) for row in rows)

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
