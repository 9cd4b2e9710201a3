"""Spend: the charges of some days, summed by one of their properties."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated, ClassVar, Literal

from pydantic import PlainSerializer, WithJsonSchema

from harkara.errors import Invalid
from harkara.money.amounts import from_micros

By = Literal["day", "lane", "category", "template", "campaign"]

Micros = Annotated[
    int,
    PlainSerializer(lambda micros: str(from_micros(micros)), return_type=str),
    WithJsonSchema({"type": "string", "description": "An amount of the currency with six decimal places"}),
]
"""Whole micros in Python, and in JSON a decimal of the currency, such as `"0.863100"`."""


DAYS = 31
"""How many days are summed unless the first is given."""


def last_day(zones: Iterable[tzinfo]) -> date:
    """Return today in the zone of the lanes in which it began first, in UTC without lanes: all are included."""
    return max((datetime.now(zone).date() for zone in zones), default=datetime.now(UTC).date())


def summed_days(since: date | None, until: date | None, zones: Iterable[tzinfo]) -> tuple[date, date]:
    """Return the first and the last day to sum, both included; by default the last month until now.

    `zones` are those of the lanes. Raises Invalid if the first is after the last.
    """
    last = until or last_day(zones)
    first = since or last - timedelta(days=min(DAYS - 1, (last - date.min).days))
    if first > last:
        raise Invalid("since", "is after the last day", f"{first}, and {last}")
    return first, last


@dataclass(frozen=True, slots=True)
class Spend:
    """The sum of the charges with the same `key`: a day such as `2026-11-29`, a lane, a category, a template's name
    or a campaign's name. The key is empty for messages without a template or a campaign.

    `amount` is the whole cost: `price`, `fee` and `tax`. `free` of the `messages` cost nothing. What the assistant's
    model costs is in the amounts and is no message; it has the category, template and campaign `assistant`.
    """

    NUMBERS: ClassVar = ("messages", "free", "credits", "price", "fee", "tax", "amount")
    AMOUNTS: ClassVar = ("price", "fee", "tax", "amount")

    key: str
    currency: str
    messages: int
    free: int
    credits: int
    price: Micros
    fee: Micros
    tax: Micros
    amount: Micros

    @classmethod
    def columns(cls, by: By) -> list[str]:
        """Return the names of the columns of a table by this property."""
        return [by, "currency", *cls.NUMBERS]

    def cells(self) -> list[object]:
        """Return the row of such a table: amounts are exact decimals of the currency."""
        amounts = {name: str(from_micros(getattr(self, name))) for name in self.AMOUNTS}
        return [self.key, self.currency, *(amounts.get(name, getattr(self, name)) for name in self.NUMBERS)]
