"""The 24-hour window of a recipient: a customer's message opens it, and all messages but templates need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from harkara.playbook import Window

LENGTH = timedelta(hours=24)
"""Each message of the customer starts the window anew (Chat Mitra docs, Raw Messages)."""

ARRIVAL = timedelta(seconds=30)
"""Time that a message may need to arrive: one sent later than this before the end may find the window shut."""


@dataclass(frozen=True, slots=True)
class WindowState:
    """The window at one moment. `seconds_left` is 0 unless the window is open."""

    window: Window
    seconds_left: float


def window_state(last_received: datetime | None, now: datetime) -> WindowState:
    """Return the state of the window at `now`; both times are aware. It is unknown without a last message.

    The sample in Chat Mitra's docs still sends at exactly 24 hours. Here the window is shut at that moment, since a
    refused message costs more than a template. A message from the future counts as received now.
    """
    if last_received is None:
        return WindowState("unknown", 0.0)
    left = (min(last_received, now) + LENGTH - now).total_seconds()
    return WindowState("open", left) if left > 0 else WindowState("shut", 0.0)
