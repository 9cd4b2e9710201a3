"""Charges in credits: the first message of 24 hours to a person costs one, whatever the order of the events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from harkara.ledger.database import Database
from harkara.money.prices import Mode
from tests.integration.ledger.money import PRICES, accepted, charges, event, process_with, spend, template, today
from tests.integration.ledger.steps import DAY, reply, run_sweep, update_message

CREDITS = PRICES.model_copy(update={"mode": "credits"})
CREDIT = 236_000
"""A credit of 0.20 rupees, with 18 percent of tax."""

HOURS = (0, 23, 25)
"""After the first message: within its 24 hours, and after them."""


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_each_conversation_costs_one_credit_in_any_order_of_events(db: Database, order: Sequence[int]) -> None:
    first = today() - timedelta(days=2)
    for n in range(3):
        accepted(db, template(), f"job-{n}")
    for n in (*order, *order):
        process_with(db, arrival(db, first, n), prices=CREDITS)
    assert [(row["credits"], row["amount"]) for row in charges(db)] == [(1, CREDIT), (0, 0), (1, CREDIT)]


def test_events_that_arrive_together_are_counted_together(db: Database) -> None:
    first = today() - timedelta(days=2)
    for n in range(3):
        accepted(db, reply(), f"job-{n}")
    process_with(db, *(arrival(db, first, n) for n in (2, 0, 1)), prices=CREDITS)
    assert [row["credits"] for row in charges(db)] == [1, 0, 1]
    assert (spend(db, "lane")["default"].credits, spend(db, "lane")["default"].free) == (2, 1)


def test_two_people_cost_a_credit_each(db: Database) -> None:
    for n in range(2):
        accepted(db, template(n), f"job-{n}")
    process_with(db, *(event(db, "read", f"job-{n}") for n in range(2)), prices=CREDITS)
    assert [row["credits"] for row in charges(db)] == [1, 1]
    assert len({row["person"] for row in charges(db)}) == 2


def test_a_read_that_came_before_its_delivered_takes_its_credit_along(db: Database) -> None:
    first = today() - timedelta(days=2)
    accepted(db, template(), "job-0")
    read = event(db, "read", "job-0", timestamp=(first + timedelta(hours=30)).timestamp())
    process_with(db, read, prices=CREDITS)
    process_with(db, arrival(db, first, 0), prices=CREDITS)
    assert [(row["at"], row["credits"]) for row in charges(db)] == [(first, 1)]


def test_the_recipient_of_a_charge_is_erased_after_its_retention(db: Database) -> None:
    first = today() - timedelta(days=3)
    accepted(db, template())
    process_with(db, arrival(db, first, 0), prices=CREDITS)
    assert charges(db)[0]["person"] not in (None, "919876500000")
    assert run_sweep(db, retention=4 * DAY)["charges"] == 0
    assert run_sweep(db, retention=1)["charges"] == 1
    assert [(row["person"], row["amount"]) for row in charges(db)] == [(None, CREDIT)]


def test_a_late_read_of_an_erased_recipient_costs_no_second_credit(db: Database) -> None:
    """Its conversation is not known any more; a charge is never computed again."""
    first = today() - timedelta(days=3)
    for n in range(2):
        accepted(db, template(), f"job-{n}")
        process_with(db, arrival(db, first, n), prices=CREDITS)
    assert run_sweep(db, retention=1)["charges"] == 2
    before = charges(db)
    process_with(db, *(event(db, "read", f"job-{n}") for n in (1, 0)), prices=CREDITS)
    assert charges(db) == before
    assert [row["credits"] for row in before] == [1, 0]


@pytest.mark.parametrize("order", list(permutations(("delivered", "read"))))
def test_without_a_number_the_first_arrival_is_the_charge_in_any_order(db: Database, order: Sequence[str]) -> None:
    first = today() - timedelta(days=2)
    moments = {"delivered": first, "read": first + timedelta(hours=30)}
    identity = accepted(db, template())
    update_message(db, identity, recipient=None, country="91")
    for status in order:
        said = event(db, status, to=None, timestamp=moments[status].timestamp())
        process_with(db, said, prices=CREDITS)
    assert [(row["at"], row["credits"], row["amount"]) for row in charges(db)] == [(first, 1, CREDIT)]


@pytest.mark.parametrize("modes", list(permutations(("credits", "per-message"))))
def test_a_charge_stays_as_it_is_when_the_mode_changes(db: Database, modes: Sequence[Mode]) -> None:
    first = today() - timedelta(days=2)
    accepted(db, template())
    before, after = (PRICES.model_copy(update={"mode": mode}) for mode in modes)
    process_with(db, arrival(db, first, 0), prices=before)
    (known,) = charges(db)
    said = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"}
    process_with(db, event(db, "read", "job-0", pricing=said), prices=after)
    assert charges(db) == [known]


def arrival(db: Database, first: datetime, n: int) -> bytes:
    at = first + timedelta(hours=HOURS[n])
    return event(db, "delivered", f"job-{n}", timestamp=at.timestamp())
