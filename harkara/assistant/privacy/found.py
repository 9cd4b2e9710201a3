"""What the filter finds: a part of the text, and what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

KINDS = (
    "card",
    "aadhaar",
    "vid",
    "gstin",
    "pan",
    "password",
    "code",
    "own-number",
    "account",
    "phone",
    "ifsc",
    "upi",
    "email",
    "passport",
    "voter-id",
    "license",
    "birth-date",
    "expiry",
    "name",
)
"""Of two kinds at one place, the earlier one names the placeholder."""


PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(KINDS)})-[1-9][0-9]{{0,5}}\]")


class Found(NamedTuple):
    """Characters `start` to `end` of a skeleton."""

    start: int
    end: int
    kind: str


def merge(found: Iterable[Found]) -> list[Found]:
    """Return them in order, with those that overlap as one, so that no part of any is left."""
    merged: list[Found] = []
    widest = 0
    for each in sorted(found, key=lambda one: (one.start, KINDS.index(one.kind))):
        if not merged or each.start >= merged[-1].end:
            merged.append(each)
            widest = each.end - each.start
            continue
        last = merged[-1]
        wider = (each.end - each.start, -KINDS.index(each.kind)) > (widest, -KINDS.index(last.kind))
        widest = max(widest, each.end - each.start)
        merged[-1] = Found(last.start, max(last.end, each.end), each.kind if wider else last.kind)
    return merged


ORDER = re.compile(
    r"(?<![a-z])(?:orders?|ord|booking|invoice|bill|awb|tracking|track|ref|reference|txn|transaction|utr|complaint|ticket|token"
    r"|appointment|ऑर्डर|आर्डर|बुकिंग)(?:[\W_]{0,3}(?:no|num|number|nbr|id|is|hai|h|ka|नंबर|है))*[\W_]{0,3}$"
)
"""The end of a text after which a number names an order or the like."""


def names_an_order(text: str, start: int) -> bool:
    """Whether the words before `start` say that the number there is that of an order."""
    return ORDER.search(text, max(0, start - 40), start) is not None
