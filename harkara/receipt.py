"""What a caller gets back: for a message its receipt or handle, for an occasion the change it caused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Receipt:
    """A backend's answer for one stored message.

    `new` is False when the same message, by id or by lane and reference, is known to be stored before.
    """

    id: str
    new: bool


class Change(StrEnum):
    """The effect of an update of an occasion."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"  # the same content is stored already
    OUTDATED = "outdated"  # a newer version is stored, so this one has no effect
    HANDED_OVER = "handed-over"  # it is in Redis, and a worker will apply it


@dataclass(frozen=True, slots=True)
class Handle:
    """A message that was sent through the client: pass it to `Client.status` and `Client.cancel`.

    `new` is False when its reference is known to be used before. Through Redis alone that is unknown and `new` is True.
    """

    id: str
    reference: str | None
    new: bool
