"""The receipt: what a caller gets for each message that was taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """`new` is False when the same message (by id, or by lane and reference) is known to be there already."""

    id: str
    new: bool
