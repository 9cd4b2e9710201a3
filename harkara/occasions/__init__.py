"""Occasions: what will happen to a customer, and the reminders that go before it."""

from __future__ import annotations

from harkara.occasions.occasion import Closing, Occasion, Step
from harkara.occasions.plan import Hours, Plan, Reminder
from harkara.occasions.rules import Rule, Rules
from harkara.occasions.schedule import Planned, Skipped, schedule

__all__ = [
    "Closing",
    "Hours",
    "Occasion",
    "Plan",
    "Planned",
    "Reminder",
    "Rule",
    "Rules",
    "Skipped",
    "Step",
    "schedule",
]
