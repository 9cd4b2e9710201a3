"""The receipt: what a caller gets for each message that was taken, and for what was said of an occasion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Receipt:
    """`new` is False when the same message (by id, or by lane and reference) is known to be there already."""

    id: str
    new: bool


class Change(StrEnum):
    """What became of what was said of an occasion."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"  # it is known already
    OUTDATED = "outdated"  # a newer version is known, so this one changed nothing
    HANDED_OVER = "handed-over"  # it lies in Redis; a worker takes it in its turn


@dataclass(frozen=True, slots=True)
class Handle:
    """A message that was handed over.

    `new` is False when the same reference is known to have been handed over before; Redis alone does not know it.
    """

    id: str
    reference: str | None
    new: bool
