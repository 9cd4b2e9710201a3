"""Occasions: what will happen to a customer, and the reminders that go before it."""

from __future__ import annotations

from harkara.occasions.rules import Rule, Rules
from harkara.occasions.schedule import Planned, Skipped, schedule

__all__ = ["Planned", "Rule", "Rules", "Skipped", "schedule"]
