"""The 24-hour window of a recipient at one moment: opened by a customer's message, needed by all but templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from harkara.playbook import Window

LENGTH = timedelta(hours=24)
"""From the customer's last message, each of which starts it anew (Chat Mitra docs, Raw Messages)."""

ARRIVAL = timedelta(seconds=30)
"""What a message may need to arrive: one that is sent later than so long before the end may find it shut."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`seconds_left` is how long it stays open; 0 when it is not."""

    window: Window
    seconds_left: float


def standing(last_received: datetime | None, now: datetime) -> Standing:
    """How the window stands at `now`, both times aware; None is that nothing is known to have come.

    The docs' own sample still sends when 24 hours are just over; here it is shut with their last moment, since a
    refused message costs more than a template. A message from the future came now.
    """
    if last_received is None:
        return Standing("unknown", 0.0)
    left = (min(last_received, now) + LENGTH - now).total_seconds()
    return Standing("open", left) if left > 0 else Standing("shut", 0.0)
