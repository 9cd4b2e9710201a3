"""Occasions: what will happen to a customer, and the reminders that go before it."""

from __future__ import annotations

from harkara.occasions.occasion import Closing, Occasion, OccasionUpdate
from harkara.occasions.plan import Hours, Reminder, ReminderPlan
from harkara.occasions.rules import Rule, Rules
from harkara.occasions.schedule import Planned, Skipped, schedule

__all__ = [
    "Closing",
    "Hours",
    "Occasion",
    "OccasionUpdate",
    "Planned",
    "Reminder",
    "ReminderPlan",
    "Rule",
    "Rules",
    "Skipped",
    "schedule",
]
