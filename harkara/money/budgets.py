"""Budgets: the most that a lane may spend in a day or a month, or a campaign as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

from harkara.money.amounts import show

Period = Literal["day", "month", "campaign"]

WARNED_AT = 0.8
"""The share of a budget at which it is reported, once in each period."""


class BudgetSpan(NamedTuple):
    """The first day of the current period, and the moment when the next begins; both None for a campaign."""

    first: date | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget in micros of `currency`; `campaign_id` is empty but for the period `campaign`."""

    lane: str
    period: Period
    campaign_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget, what is spent of it in the current period, and when that ends."""

    budget: Budget
    spent: int
    until: datetime | None

    @property
    def share(self) -> float:
        return self.spent / self.budget.amount

    @property
    def exhausted(self) -> bool:
        return self.spent >= self.budget.amount

    @property
    def reason(self) -> str:
        """Why marketing waits: a sentence with the next step."""
        budget = self.budget
        what = "campaign" if budget.period == "campaign" else f"{budget.period} in lane {budget.lane}"
        spent = f"{show(self.spent)} {budget.currency} of {show(budget.amount)} {budget.currency}"
        return f"The budget of this {what} is used up: {spent} are spent. Raise it with `harkara budget set`, or wait."


def span(period: Period, now: datetime, zone: tzinfo) -> BudgetSpan:
    """Return the period that contains `now`, by the calendar of the lane's zone."""
    today = now.astimezone(zone).date()
    match period:
        case "day":
            first, following = today, today + timedelta(days=1)
        case "month":
            first = today.replace(day=1)
            following = (first + timedelta(days=31)).replace(day=1)
        case "campaign":
            return BudgetSpan(None, None)
    return BudgetSpan(first, datetime(following.year, following.month, following.day, tzinfo=zone))
