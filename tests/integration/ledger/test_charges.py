"""A message that was delivered has one charge, whatever its events and their order."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.outcomes import Accepted
from tests.integration.ledger.money import (
    MARKETING,
    PRICES,
    UTILITY,
    accepted,
    amounts,
    charges,
    delivered,
    event,
    process_with,
    spend,
    template,
    today,
)
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import marketing, otp, record_results, reply
from tests.integration.ledger.webhooks import (
    CONTEXT,
    deliver_webhooks,
    inbound_webhook,
    post_messages,
    process_events,
    store_webhooks,
)

REGULAR = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}


def test_a_delivered_message_is_charged_by_its_category_and_day(db: Database) -> None:
    identity = delivered(db, marketing(), timestamp=today().timestamp())
    (found,) = charges(db)
    assert (found["message_id"], found["amount"], found["currency"]) == (identity, MARKETING, "INR")
    assert (found["lane"], found["category"], found["template"]) == ("default", "marketing", "spring_sale")
    assert (found["fee"], found["tax"], found["person"]) == (0, 155_358, None)


@pytest.mark.parametrize("order", [*permutations(("delivered", "read", "failed")), ("read",)])
def test_every_order_of_events_ends_in_one_charge_at_the_first_arrival(db: Database, order: Sequence[str]) -> None:
    moments = {"sent": 0, "failed": 1, "delivered": 2, "read": 3}
    first = today() - timedelta(minutes=5)
    for n in range(2):
        accepted(db, marketing(n), f"job-{n}")
    for n, together in enumerate((True, False)):
        webhooks = [
            event(db, status, f"job-{n}", timestamp=(first + timedelta(seconds=moments[status])).timestamp())
            for status in order
        ]
        if together:
            deliver_webhooks(db, *webhooks, *webhooks)
            continue
        for raw in (*webhooks, *webhooks):
            deliver_webhooks(db, raw)
    arrival = first + timedelta(seconds=2 if "delivered" in order else 3)
    assert [(row["at"], row["amount"]) for row in charges(db)] == [(arrival, MARKETING)] * 2


@pytest.mark.parametrize("statuses", [(), ("sent",), ("failed",), ("sent", "failed")])
def test_what_did_not_arrive_costs_nothing(db: Database, statuses: Sequence[str]) -> None:
    accepted(db, marketing())
    deliver_webhooks(db, *(event(db, status) for status in statuses))
    assert charges(db) == []


def test_many_threads_charge_each_message_once(db: Database) -> None:
    claims = post_messages(db, [template(n) for n in range(12)])
    jobs = [f"job-{n}" for n in range(12)]
    record_results(
        db, [ClaimResult.of(one, Accepted(job, 202), posted=True) for one, job in zip(claims, jobs, strict=True)]
    )
    store_webhooks(db, *(event(db, status, job) for job in jobs for status in ("delivered", "read")))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: process(db, CONTEXT, limit=5), range(12)))
    process_events(db)
    assert amounts(db) == [UTILITY] * 12


def test_a_reply_and_a_template_in_the_open_window_are_free_and_still_counted(db: Database) -> None:
    deliver_webhooks(db, inbound_webhook())
    for n, envelope in enumerate((reply(), template(), marketing(), otp())):
        delivered(db, envelope, f"job-{n}")
    found = spend(db, "category")
    assert {key: (one.messages, one.free, one.amount) for key, one in found.items()} == {
        "reply": (1, 1, 0),
        "utility": (1, 1, 0),
        "marketing": (1, 0, MARKETING),
        "authentication": (1, 0, UTILITY),
    }


@pytest.mark.parametrize("order", list(permutations(("sent", "delivered", "read"))))
def test_what_an_event_says_about_the_price_decides_in_any_order(db: Database, order: Sequence[str]) -> None:
    """WhatsApp has moved the template to marketing; only one of the events of the arrival says so."""
    accepted(db, template())
    said: dict[str, dict[str, Any]] = {"sent": {"pricing": REGULAR}, "delivered": {"pricing": REGULAR}, "read": {}}
    for status in order:
        deliver_webhooks(db, event(db, status, **said[status]))
    found = [(row["category"], row["amount"], row["by_event"]) for row in charges(db)]
    assert found == [("marketing", MARKETING, True)]


@pytest.mark.parametrize("mode", ["per-message", "credits"])
@pytest.mark.parametrize("order", [("delivered", "read"), ("read", "delivered")])
@pytest.mark.parametrize("together", [True, False])
def test_a_read_that_says_the_price_does_not_move_the_charge_to_its_day(
    db: Database, mode: str, order: Sequence[str], together: bool
) -> None:
    first = today() - timedelta(days=3)
    moments = {"delivered": first, "read": first + timedelta(days=2)}
    said: dict[str, dict[str, Any]] = {"delivered": {}, "read": {"pricing": REGULAR}}
    accepted(db, template())
    events = [event(db, status, timestamp=moments[status].timestamp(), **said[status]) for status in order]
    for batch in [events] if together else [[one] for one in events]:
        process_with(db, *batch, prices=PRICES.model_copy(update={"mode": mode}))
    (found,) = charges(db)
    assert (found["at"], found["day"]) == (first, first.date())
    if mode == "per-message":
        assert (found["category"], found["amount"], found["by_event"]) == ("marketing", MARKETING, True)
    assert [each.messages for each in spend(db).values()] == [1]


def test_the_day_of_a_charge_is_that_of_its_lane(db: Database) -> None:
    lane = replace(CONTEXT.lanes["default"], zone=ZoneInfo("Asia/Kolkata"))
    accepted(db, template())
    at = datetime(2023, 11, 14, 18, 30, tzinfo=UTC)
    process_with(db, event(db, "delivered", timestamp=at.timestamp()), lanes={"default": lane})
    assert list(spend(db)) == ["2023-11-15"]


def test_spend_is_summed_by_lane_template_and_campaign(db: Database) -> None:
    delivered(db, template(), "job-0")
    delivered(db, marketing(1), "job-1")
    assert {key: one.amount for key, one in spend(db, "lane").items()} == {"default": UTILITY + MARKETING}
    assert {key: one.amount for key, one in spend(db, "template").items()} == {
        "visit": UTILITY,
        "spring_sale": MARKETING,
    }
    assert {key: one.messages for key, one in spend(db, "campaign").items()} == {"": 2}
    assert spend(db, lanes=["north"]) == {}


def test_a_batch_of_events_writes_its_charges_in_one_statement(db: Database) -> None:
    claims = post_messages(db, [template(n) for n in range(20)])
    record_results(db, [ClaimResult.of(one, Accepted(f"job-{n}", 202), posted=True) for n, one in enumerate(claims)])
    store_webhooks(db, *(event(db, "delivered", f"job-{n}") for n in range(20)))
    with executed_statements() as statements:
        process(db, CONTEXT)
    # SQLite reports a statement again for each statement of its triggers.
    assert [one.split()[0] for one in {one for one in statements if "INTO charge" in one}] == ["INSERT"]
    assert len([statement for statement in statements if "contact" in statement]) == 1, "with the messages"
    assert len(amounts(db)) == 20
