"""Occasions: events that customers are reminded of, and the reminders before and after each."""

from __future__ import annotations

from harkara.occasions.occasion import Closing, Occasion, OccasionKey, OccasionUpdate
from harkara.occasions.plan import LaneHours, ReminderMessage, ReminderPlan
from harkara.occasions.rules import Rule, Rules
from harkara.occasions.schedule import Ending, PlannedReminder, SkippedReminder, schedule

__all__ = [
    "Closing",
    "Ending",
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
