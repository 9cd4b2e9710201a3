"""Credits: the first message to a person costs one, and all messages of the next 24 hours are free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

LENGTH = timedelta(hours=24)
"""Of a conversation, from our first message on (Chat Mitra docs: credits)."""


class Counted(NamedTuple):
    """A delivery to one person: when the conversation that it belongs to began, and whether it costs the credit."""

    began_at: datetime
    costs: bool


def count_credits(deliveries: Sequence[tuple[datetime, Counted | None]]) -> list[Counted]:
    """Return for each delivery to one person, given in the order of time, its conversation.

    What is counted already is given too. It is counted again from the first new delivery on, so that the order in
    which events arrive does not matter.
    """
    counted: list[Counted] = []
    began_at: datetime | None = None
    is_counted = True
    for at, known in deliveries:
        is_counted = is_counted and known is not None
        if is_counted and known is not None:
            counted.append(known)
        else:
            opens = began_at is None or at >= began_at + LENGTH
            counted.append(Counted(at, True) if opens or began_at is None else Counted(began_at, False))
        began_at = counted[-1].began_at
    return counted
