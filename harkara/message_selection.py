"""An act on all messages that fit a filter, as Python, the HTTP API and the command show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harkara.json_record import JsonRecord
from harkara.limits import Allowance
from harkara.message_status import MessageSummary

Act = Literal["cancel", "resend", "sent", "drop"]
"""`cancel` what is not sent yet. Of what is uncertain or waits for a decision, `sent` says that it arrived, `drop` that
it is not sent again; `resend` sends it once more, and sends each failed message again as a new one, once."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SelectionPreview(JsonRecord):
    """What an act would concern."""

    act: Act
    count: int
    """Messages for which the act is possible, of those that fit the filter."""
    lanes: dict[str, int]
    """The same by lane."""
    templates: dict[str, int]
    """The templates among them by category: only they have a price."""
    examples: tuple[MessageSummary, ...]
    """The newest ten."""
    token: str
    """Does the act on exactly this set."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Progress(JsonRecord):
    """How far an act is, and at the end what it did."""

    done: int
    left: int
    """Messages left alone, since they had changed meanwhile or cannot be sent again."""
    total: int


def delay_seconds(preview: SelectionPreview, allowances: Mapping[str, Allowance | None]) -> float | None:
    """Return by how many seconds a resend can delay other messages: the longest time that a lane needs for its part.

    None if the allowance of a lane is not known; other acts delay nothing.
    """
    if preview.act != "resend":
        return 0.0
    if not preview.lanes.keys() <= allowances.keys():
        return None
    limits = [(number, allowances[lane]) for lane, number in preview.lanes.items()]
    return max((number * limit.window / limit.count for number, limit in limits if limit), default=0.0)
