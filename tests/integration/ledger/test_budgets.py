"""Budgets: marketing waits when they are used up, and nothing else does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from harkara.campaigns.steps import producer
from harkara.delivery import gates
from harkara.delivery.gates import check
from harkara.errors import NotFound
from harkara.lanes import Lane
from harkara.ledger.campaigns.commands import start
from harkara.ledger.charges.budget_holds import Hold, hold_marketing
from harkara.ledger.charges.budgets import check_budgets, list_budgets, remove_budget, set_budget
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import claim
from harkara.ledger.tables import budget as budget_table
from harkara.ledger.tables import charge, halt
from harkara.messages import Envelope
from harkara.money.budgets import Budget, BudgetStatus
from harkara.outcomes import Outcome, Wait
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.money import MARKETING, delivered, template
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import (
    DAY,
    accept_messages,
    claim_messages,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
    unpark,
)
from tests.integration.ledger.test_lock_order import PATIENCE, wait_for_a_lock

ZONES = {"default": ZoneInfo("UTC")}
LANES = {"default": Lane("default", "token", None)}


def budget(amount: int, period: str = "day", campaign_id: str = "", currency: str = "INR") -> Budget:
    return Budget("default", period, campaign_id, amount, currency)  # type: ignore[arg-type]  # the tests' own


def check_all(db: Database) -> tuple[list[int], list[int]]:
    """Check the budgets; return the amounts of those that are reported, and of those that are held from now on."""
    warned, held = check_budgets(db, ZONES)
    return [each.budget.amount for each in warned], [each.budget.amount for each in held]


def outcome_of(db: Database, envelope: Envelope) -> Outcome | None:
    (one,) = claim_messages(db, *accept_messages(db, envelope))
    return check(one, gates.load(db, LANES, [one]))


def test_at_80_percent_a_budget_is_reported_once(db: Database) -> None:
    set_budget(db, budget(int(MARKETING / 0.81)))
    assert check_all(db) == ([], [])
    delivered(db, marketing())
    assert check_all(db) == ([int(MARKETING / 0.81)], [])
    assert check_all(db) == ([], [])
    assert outcome_of(db, marketing(1)) is None


@pytest.mark.parametrize("period", ["day", "month"])
def test_when_it_is_used_up_marketing_waits_for_the_next_period_and_nothing_else_does(
    db: Database, period: str
) -> None:
    set_budget(db, budget(MARKETING, period))
    delivered(db, marketing())
    assert check_all(db) == ([MARKETING], [MARKETING])
    assert check_all(db) == ([], [])
    waits = outcome_of(db, marketing(1))
    assert isinstance(waits, Wait)
    assert waits.code == "budget"
    assert "The budget of this" in waits.reason
    with db.read() as tx:
        (until,) = tx.execute(select(halt.c.until)).one()
    (status,) = list_budgets(db, ZONES)
    assert status == BudgetStatus(budget(MARKETING, period), MARKETING, until)
    assert until.astimezone(UTC).hour == 0
    assert [outcome_of(db, one) for one in (reply(2), template(3), otp(4))] == [None] * 3


def test_a_raised_budget_makes_due_what_waited_for_it(db: Database) -> None:
    set_budget(db, budget(MARKETING))
    delivered(db, marketing())
    check_all(db)
    (one,) = claim_messages(db, *accept_messages(db, marketing(1)))
    waits = check(one, gates.load(db, LANES, [one]))
    assert waits
    record_outcome(db, one, waits, posted=False)
    assert claim(db, [one.id], 10) == []
    set_budget(db, budget(2 * MARKETING))
    assert check_all(db) == ([], [])
    assert [each.id for each in claim(db, [one.id], 10)] == [one.id]
    assert outcome_of(db, marketing(2)) is None


def test_the_reason_of_a_hold_follows_the_budget_and_what_is_spent(db: Database) -> None:
    set_budget(db, budget(MARKETING))
    delivered(db, marketing())
    check_all(db)
    set_budget(db, budget(MARKETING // 2))
    check_all(db)
    (status,) = list_budgets(db, ZONES)
    with db.read() as tx:
        assert tx.execute(select(halt.c.reason)).scalar_one() == status.reason
    assert "1.02 INR of 0.51 INR are spent" in status.reason


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_a_budget_that_is_raised_during_a_check_holds_nothing_and_is_reported_anew(db: Database) -> None:
    """The check has read the former amount, and waits for the row that the operator's transaction has locked."""
    set_budget(db, budget(MARKETING))
    delivered(db, marketing())
    with ThreadPoolExecutor(1) as thread:
        with db.write() as tx:
            tx.execute(update(budget_table).values(amount=int(MARKETING / 0.81)))
            checking = thread.submit(check_all, db)
            wait_for_a_lock(db)
        assert checking.result(PATIENCE) == ([int(MARKETING / 0.81)], [])
    assert outcome_of(db, marketing(1)) is None


def hold_until(db: Database, seconds: float) -> datetime:
    """Hold the marketing of the lane for so long and no longer, as the round of budgets does; return until when."""
    with db.write() as tx:
        until = tx.now + timedelta(seconds=seconds)
        hold_marketing(tx, [Hold("default", "", "The budget is used up.", until)])
    return until


@pytest.mark.parametrize("recorded", ["before", "after"])
def test_a_message_waits_for_the_shorter_of_two_budgets_when_the_longer_one_is_raised(
    db: Database, recorded: str
) -> None:
    """The sweep may delete the halt of a day that is over before the next round of budgets."""
    hold_until(db, 20 * DAY)
    (one,) = claim_messages(db, *accept_messages(db, marketing()))
    waits = check(one, gates.load(db, LANES, [one]))
    assert waits
    if recorded == "before":
        record_outcome(db, one, waits, posted=False)
    end = hold_until(db, DAY)
    if recorded == "after":
        record_outcome(db, one, waits, posted=False)
    assert row(db, one.id)["due_at"] == end


def test_a_budget_that_is_raised_between_the_gate_and_the_record_of_its_wait_holds_nothing(db: Database) -> None:
    hold_until(db, DAY)
    (one,) = claim_messages(db, *accept_messages(db, marketing()))
    waits = check(one, gates.load(db, LANES, [one]))
    assert waits
    check_all(db)
    record_outcome(db, one, waits, posted=False)
    assert [each.id for each in claim(db, [one.id], 10)] == [one.id]


def test_the_budget_of_a_campaign_holds_that_campaign_alone(db: Database) -> None:
    identity = load_campaign(db)
    start(db, identity)
    delivered(db, marketing())
    with db.write() as tx:
        tx.execute(update(charge).values(campaign_id=identity))
    set_budget(db, budget(MARKETING, "campaign", identity))
    assert check_all(db)[1] == [MARKETING]
    assert isinstance(outcome_of(db, marketing(1, producer=identity)), Wait)
    assert outcome_of(db, marketing(2)) is None
    remove_budget(db, budget(0, "campaign", identity))
    check_all(db)
    assert outcome_of(db, marketing(4, producer=identity)) is None
    with pytest.raises(NotFound):
        remove_budget(db, budget(0, "campaign", identity))


@pytest.mark.parametrize("stage", [1, 2])
def test_a_raised_budget_of_a_campaign_makes_due_what_an_operator_has_sent_once_more(db: Database, stage: int) -> None:
    """Such a message has the producer of the campaign, by which the gate holds it, and is no part of the campaign."""
    identity = load_campaign(db)
    start(db, identity)
    delivered(db, marketing())
    with db.write() as tx:
        tx.execute(update(charge).values(campaign_id=identity))
    set_budget(db, budget(MARKETING, "campaign", identity))
    check_all(db)
    (one,) = claim_messages(db, *accept_messages(db, marketing(1, producer=producer(identity, stage))))
    waits = check(one, gates.load(db, LANES, [one]))
    assert waits
    record_outcome(db, one, waits, posted=False)
    assert claim(db, [one.id], 10) == []
    set_budget(db, budget(2 * MARKETING, "campaign", identity))
    check_all(db)
    assert [each.id for each in claim(db, [one.id], 10)] == [one.id]


def test_a_charge_of_an_earlier_day_or_in_another_currency_does_not_count(db: Database) -> None:
    set_budget(db, budget(MARKETING))
    set_budget(db, budget(MARKETING, "month", currency="USD"))
    delivered(db, marketing())
    with db.write() as tx:
        tx.execute(update(charge).values(day=tx.now.date() - timedelta(days=1)))
    assert check_all(db) == ([], [])


def test_an_opened_lane_keeps_what_waits_for_a_budget(db: Database) -> None:
    set_budget(db, budget(MARKETING))
    delivered(db, marketing())
    check_all(db)
    assert unpark(db, "default") == 0
    assert isinstance(outcome_of(db, marketing(1)), Wait)


def test_a_budget_that_is_not_used_up_costs_no_statement_of_a_message(db: Database) -> None:
    set_budget(db, budget(10 * MARKETING))
    delivered(db, marketing())
    check_all(db)
    ids = accept_messages(db, marketing(1))
    with executed_statements() as statements:
        (one,) = claim(db, ids, 10)
        assert check(one, gates.load(db, LANES, [one])) is None
    assert len(statements) == 1
