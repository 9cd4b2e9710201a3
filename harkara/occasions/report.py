"""The report of a kind of occasion: how its occasions ended, and what customers answered to each rule's reminders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harkara.json_record import JsonRecord
from harkara.occasions.rules import Status

Answer = Literal["confirmed", "cancelled", "rescheduled"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RuleReport(JsonRecord):
    """The reminders of one rule that were sent. Each has one answer at most, the last."""

    rule: str
    sent: int
    confirmed: int
    cancelled: int
    """Answers that ask to cancel; the application decides about the occasion."""
    rescheduled: int
    no_answer: int
    no_show: int
    """Those of occasions that ended as a no-show, whatever the answer was."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OccasionReport(JsonRecord):
    """The occasions of a kind, and the reminders of each rule."""

    kind: str
    occasions: Mapping[Status, int]
    """Their number by status."""
    rules: tuple[RuleReport, ...]
