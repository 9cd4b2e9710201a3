"""Message prices by category and country: the model of config/prices.toml."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from harkara.messages.template import TemplateCategory
from harkara.toml import load_toml, validate

_CODE = re.compile(r"[1-9]\d{0,6}|default", re.ASCII)
_LONGEST_CODE = 7


def _codes(tariff: dict[str, Decimal]) -> dict[str, Decimal]:
    for code in tariff:
        if not _CODE.fullmatch(code):
            raise ValueError(f"{code} must be a country's calling code, such as 91, or `default`")
    if "default" not in tariff:
        raise ValueError("`default` is missing: the price for all other countries")
    return tariff


Tariff = Annotated[dict[str, Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]], AfterValidator(_codes)]
"""Prices by calling code. A longer code is more specific: 1246 is Barbados, 1 the other countries with +1."""


class Prices(BaseModel):
    """The whole file. Prices are decimals in `currency`, for one delivered message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    free_in_window: tuple[TemplateCategory, ...] = Field(default=(), alias="free-in-window")
    marketing: Tariff
    utility: Tariff
    authentication: Tariff

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a prices file. Raises Invalid, which names the entry and what is wrong."""
        return validate(cls, load_toml(path, parse_float=Decimal), path.name)

    def price(self, category: TemplateCategory, number: str, *, window_open: bool = False) -> Decimal:
        """Return the price of one delivered template message in `currency`.

        `number` is E.164 digits without a plus, or the first 7 of them.
        """
        if window_open and category in self.free_in_window:
            return Decimal(0)
        tariff: Tariff = getattr(self, category)
        codes = (number[:length] for length in range(_LONGEST_CODE, 0, -1))
        return tariff[next((code for code in codes if code in tariff), "default")]
