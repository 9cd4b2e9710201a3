"""The forecast of a campaign in a lane: its rehearsal with the lane's allowance, and its cost by the rate card."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from harkara.campaigns.rehearsal import Rehearsal
from harkara.campaigns.stage_rehearsal import StagesLeft, rehearse_stages
from harkara.lanes import Lane
from harkara.messages.template import TemplateCategory
from harkara.money.amounts import from_micros
from harkara.money.prices import Prices, Rates


@dataclass(frozen=True, slots=True)
class RehearsalInputs:
    """What a rehearsal must know of the messages in the ledger."""

    messages: int
    """Unsent messages of the campaign."""
    opted_out: int
    """Those of them whose recipient has opted out."""
    by_prefix: Counter[str]
    """The other messages by the first digits of their numbers, on which prices depend."""
    in_window: Counter[str]
    """Those of them whose recipient has an open 24-hour window, also by prefix."""
    others: tuple[datetime, ...]
    """The due times of the lane's messages that belong to no campaign."""
    left: StagesLeft = field(default_factory=StagesLeft)
    """The other messages by stage."""
    expires_at: datetime | None = None
    """Their deadline, None without any message."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A rehearsal with its costs in `currency`.

    `opted_out` messages are not counted in it; `free` ones are, and cost nothing since their window is open. What is
    not sent by `expires_at` is cancelled, but is counted.
    """

    rehearsal: Rehearsal
    currency: str
    opted_out: int
    free: int
    expires_at: datetime | None = None

    @property
    def ends_late(self) -> bool:
        """Whether some of the messages expire before they can be sent."""
        return self.expires_at is not None and self.rehearsal.ends_at >= self.expires_at

    @property
    def cost(self) -> Decimal:
        return sum(self.rehearsal.cost_by_category.values(), Decimal())


def forecast(
    inputs: RehearsalInputs, category: TemplateCategory, begin: datetime, lane: Lane, prices: Prices
) -> Forecast:
    """Return when a campaign that starts at `begin` ends, and what it costs. Raises Invalid as `rehearse` does."""
    rates = prices.on(begin.astimezone(lane.zone).date())
    cost = _cost(rates, category, inputs) if prices.mode == "per-message" else _credits(rates, inputs)
    result = rehearse_stages(
        inputs.left, category, begin, lane, others=inputs.others, cost_by_category={category: cost}
    )
    free = inputs.in_window.total() if category in rates.free_in_window else 0
    return Forecast(result, prices.currency, inputs.opted_out, free, inputs.expires_at)


def cost_of_all(numbers: Counter[str], category: TemplateCategory, day: date, prices: Prices) -> tuple[Decimal, int]:
    """Return what messages outside open windows cost on a day, and how many of them have no price.

    `numbers` are their recipients by first digits, or by the calling code of their country. They are empty for a
    recipient whose country is not known any more, and such a message has no price unless all countries have the same.
    """
    rates = prices.on(day)
    priced = Counter(numbers)
    unpriced = 0 if prices.mode == "credits" or rates.is_uniform(category) else priced.pop("", 0)
    inputs = RehearsalInputs(priced.total(), 0, priced, Counter(), ())
    return _cost(rates, category, inputs) if prices.mode == "per-message" else _credits(rates, inputs), unpriced


def _cost(rates: Rates, category: TemplateCategory, inputs: RehearsalInputs) -> Decimal:
    """Return the cost with fee and tax; messages to open windows may be free."""
    free = inputs.in_window if category in rates.free_in_window else {}
    numbers = inputs.by_prefix.items()
    return from_micros(sum(rates.cost(category, digits).total * (n - free.get(digits, 0)) for digits, n in numbers))


def _credits(rates: Rates, inputs: RehearsalInputs) -> Decimal:
    """Return the most that it costs: a message within 24 hours of another one to the same person is free."""
    return from_micros(rates.cost_of_credit().total * inputs.by_prefix.total())
