"""The rate card, by category and country: the model of config/prices.toml."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from harkara.messages.template import TemplateCategory
from harkara.money.amounts import to_micros
from harkara.toml import load_toml, validate

_CODE = re.compile(r"[1-9]\d{0,6}|default", re.ASCII)
_LONGEST_CODE = 7

Mode = Literal["per-message", "credits"]


def _codes(tariff: dict[str, Decimal]) -> dict[str, Decimal]:
    for code in tariff:
        if not _CODE.fullmatch(code):
            raise ValueError(f"{code} must be a country's calling code, such as 91, or `default`")
    if "default" not in tariff:
        raise ValueError("`default` is missing: the price for all other countries")
    return tariff


Price = Annotated[Decimal, Field(ge=0, lt=1_000_000, decimal_places=6, allow_inf_nan=False)]
Tariff = Annotated[dict[str, Price], AfterValidator(_codes)]
"""Prices by calling code. A longer code is more specific: 1246 is Barbados, 1 the other countries with +1."""


class Cost(NamedTuple):
    """What one message costs, in micros."""

    price: int = 0
    fee: int = 0
    tax: int = 0

    @property
    def total(self) -> int:
        return self.price + self.fee + self.tax

    def times(self, number: int) -> Cost:
        return Cost(self.price * number, self.fee * number, self.tax * number)


FREE = Cost()


class Rates(BaseModel):
    """The rates of a time. Prices are decimals in the currency of the file, for one delivered message.

    `provider_fee` is added to each message that costs something, `gst` is a percentage of both. `credit` is the price
    of one credit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    free_in_window: tuple[TemplateCategory, ...] = Field(default=(), alias="free-in-window")
    provider_fee: Price = Field(default=Decimal(0), alias="provider-fee")
    gst: Annotated[Decimal, Field(ge=0, le=100, decimal_places=2, allow_inf_nan=False)] = Decimal(0)
    credit: Price = Decimal(0)
    marketing: Tariff
    utility: Tariff
    authentication: Tariff

    def cost(self, category: TemplateCategory, number: str) -> Cost:
        """Return the cost of one delivered template message outside an open window.

        `number` is E.164 digits without a plus, or the first of them: 7, or the calling code of a country. It is empty
        for an unknown one.
        """
        tariff: Tariff = getattr(self, category)
        codes = (number[:length] for length in range(_LONGEST_CODE, 0, -1))
        price = tariff[next((code for code in codes if code in tariff), "default")]
        return self._with_tax(price, self.provider_fee) if price else FREE

    def is_uniform(self, category: TemplateCategory) -> bool:
        """Return whether a message of this category costs the same in every country."""
        return len(set(getattr(self, category).values())) == 1

    def cost_of_credit(self) -> Cost:
        """Return the cost of the first message of 24 hours to a person."""
        return self._with_tax(self.credit, Decimal(0))

    def _with_tax(self, price: Decimal, fee: Decimal) -> Cost:
        return Cost(to_micros(price), to_micros(fee), to_micros((price + fee) * self.gst / 100))


class LaterRates(Rates):
    """Rates that replace all earlier ones from a day on, in the time zone of the lane."""

    valid_from: date = Field(alias="valid-from")


class Prices(Rates):
    """The whole file: the rates at its top, and those that follow them."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    mode: Mode = "per-message"
    rates: Annotated[tuple[LaterRates, ...], AfterValidator(lambda value: _in_order(value))] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a prices file. Raises Invalid, which names the entry and what is wrong."""
        return validate(cls, load_toml(path, parse_float=Decimal), path.name)

    def on(self, day: date) -> Rates:
        """Return the rates that are valid on this day of the lane."""
        return next((each for each in reversed(self.rates) if each.valid_from <= day), self)


def _in_order(rates: tuple[LaterRates, ...]) -> tuple[LaterRates, ...]:
    for former, later in pairwise(rates):
        if later.valid_from <= former.valid_from:
            raise ValueError(f"valid-from {later.valid_from} is not after the {former.valid_from} before it")
    return rates
