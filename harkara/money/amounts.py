"""Amounts of money as whole micros, a millionth of the currency's unit: sums of many small prices stay exact."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from harkara.errors import Invalid

MICROS = 1_000_000
"""Micros in one rupee. A price in rupees has four places after the point, and its tax has two more."""

_AMOUNT = re.compile(r"\d{1,9}(?:\.\d{1,6})?", re.ASCII)
_CENT = Decimal("0.01")


def to_micros(amount: Decimal) -> int:
    """Return an amount of the currency in micros; half a micro is rounded up."""
    return int((amount * MICROS).quantize(Decimal(1), ROUND_HALF_UP))


def from_micros(micros: int) -> Decimal:
    """Return an amount in the currency, exactly: `Decimal("0.863100")` for 863100."""
    return Decimal(micros).scaleb(-6)


def show(micros: int) -> str:
    """Return an amount as people read it, to the paisa: `1,234.57`."""
    return f"{from_micros(micros).quantize(_CENT, ROUND_HALF_UP):,}"


def parse_amount(text: str, currency: str, *, expected: str) -> int:
    """Return the micros of an amount that a person gave, such as `15000` or `0.25`.

    Raises Invalid for anything else than a positive decimal, and for another currency than `expected`, that of the
    rate card: Harkara converts no currencies.
    """
    if currency != expected:
        raise Invalid(
            "currency", "must be the currency of prices.toml: amounts are not converted", f"{expected}, not {currency}"
        )
    if not _AMOUNT.fullmatch(text) or not (micros := to_micros(Decimal(text))):
        raise Invalid("amount", "must be a positive number of at most 9 digits, such as 1500 or 0.25")
    return micros
