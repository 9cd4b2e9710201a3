"""Occasions: events that customers are reminded of, and the reminders before each."""

from __future__ import annotations

from harkara.occasions.occasion import Closing, Occasion, OccasionKey, OccasionUpdate
from harkara.occasions.plan import LaneHours, ReminderMessage, ReminderPlan
from harkara.occasions.rules import Rule, Rules
from harkara.occasions.schedule import PlannedReminder, SkippedReminder, schedule

__all__ = [
    "Closing",
    "LaneHours",
    "Occasion",
    "OccasionKey",
    "OccasionUpdate",
    "PlannedReminder",
    "ReminderMessage",
    "ReminderPlan",
    "Rule",
    "Rules",
    "SkippedReminder",
    "schedule",
]
