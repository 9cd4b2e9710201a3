"""What stays of a recipient whose number is erased: the country, by which messages are priced, and the responses."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, String, case, func, null

from harkara.ledger.campaigns.responses import OPTED_OUT, WROTE, contact_has
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row

ERASED: Final = "erased"
"""The code of a message that was cancelled because its recipient's data was erased."""

_TWO_DIGITS = (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90"
    " 91 92 93 94 95 98"
).split()

# Of the countries that share +1, all but the USA and Canada; of those that share +7, Kazakhstan.
_FOUR_DIGITS = (
    "1242 1246 1264 1268 1284 1340 1345 1441 1473 1649 1658 1664 1670 1671 1684 1721 1758 1767 1784 1787 1809 1829 1849"
    " 1868 1869 1876 1939"
).split()
_KAZAKHSTAN = ["76", "77"]


def calling_code(number: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the first digits of a number that name its country: 91 for India, 1246 for Barbados, 1 for the USA."""
    first = {digits: func.substr(number, 1, digits, type_=String) for digits in (1, 2, 3, 4)}
    return case(
        (first[4].in_(_FOUR_DIGITS), first[4]),
        (first[2].in_([*_TWO_DIGITS, *_KAZAKHSTAN]), first[2]),
        (first[1].in_(["1", "7"]), first[1]),
        else_=first[3],
    )


def _response(wanted: ColumnElement[bool], kept: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return whether the recipient has responded so; NULL for a message of no campaign."""
    return case(
        (message.c.campaign_id.is_(None), null()),
        (message.c.recipient.is_(None), kept),
        else_=contact_has(wanted),
    )


COUNTRY: Final = case((message.c.recipient.is_(None), message.c.country), else_=calling_code(message.c.recipient))
"""The calling code of the recipient's country, NULL where a release before has erased the number."""

KEPT: Final[Row] = {
    "country": COUNTRY,
    "answered": _response(WROTE, message.c.answered),
    "opted_out": _response(OPTED_OUT, message.c.opted_out),
}
"""The columns that a message gets with, or before, the erasure of its number. Sums must not change by it."""
