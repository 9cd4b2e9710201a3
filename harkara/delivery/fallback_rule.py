"""What replaces a raw message outside the 24-hour window: its own fallback, or the lane's re-engagement template."""

from __future__ import annotations

import json

from harkara.lanes import Lane
from harkara.ledger.messages.claim import Claimed
from harkara.messages import Template
from harkara.outcomes import Replaced
from harkara.playbook import WINDOW_CLOSED


def needs_window(message: Claimed) -> bool:
    """Whether any part of the message is not a template."""
    if message.kind != "batch":
        return message.kind != Template.kind
    return any(item["kind"] != Template.kind for item in json.loads(message.body)["messages"])


def replacement(message: Claimed, lane: Lane, status: int | None = None) -> Replaced | None:
    """Return the replacement of a message; None when neither the message nor the lane has a template for it.

    `status` is the HTTP status of the answer that refused the message.
    """
    if not message.fallback and lane.reengage is None:
        return None
    template = "its fallback" if message.fallback else f"the template {lane.reengage}"
    reason = f"This person has not written in the last 24 hours: {template} is sent instead."
    return Replaced(WINDOW_CLOSED, reason, None if message.fallback else lane.reengage, status)
