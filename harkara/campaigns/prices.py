"""What a message costs, by category and country, as it stands in config/prices.toml."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from harkara.messages.template import TemplateCategory
from harkara.toml import read_toml, refusal

_CODE = re.compile(r"[1-9]\d{0,6}|default", re.ASCII)
_LONGEST_CODE = 7


def _codes(tariff: dict[str, Decimal]) -> dict[str, Decimal]:
    for code in tariff:
        if not _CODE.fullmatch(code):
            raise ValueError(f"{code} must be a country's calling code, such as 91, or `default`")
    if "default" not in tariff:
        raise ValueError("there is no `default` for countries that are not named")
    return tariff


Tariff = Annotated[dict[str, Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]], AfterValidator(_codes)]
"""Prices by calling code; digits after it (1246, Barbados within 1) make one of its own."""


class Prices(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    free_in_window: tuple[TemplateCategory, ...] = Field(default=(), alias="free-in-window")
    marketing: Tariff
    utility: Tariff
    authentication: Tariff

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises Invalid, which names the entry and what is wrong with it."""
        try:
            return cls.model_validate(read_toml(path, parse_float=Decimal))
        except ValidationError as error:
            raise refusal(path.name, error, lambda where: " ".join(map(str, where)) or "the file") from error

    def of(self, category: TemplateCategory, number: str, *, window_open: bool = False) -> Decimal:
        """The price of one delivered template message to these E.164 digits, in the file's currency."""
        if window_open and category in self.free_in_window:
            return Decimal(0)
        tariff: Tariff = getattr(self, category)
        codes = (number[:length] for length in range(_LONGEST_CODE, 0, -1))
        return tariff[next((code for code in codes if code in tariff), "default")]
