"""Shared by the tests of occasions: the shipped rules, and short forms of rules, times and results."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from harkara.lanes import QuietHours
from harkara.occasions import PlannedReminder, Rule, Rules, SkippedReminder

FILE = Path(__file__).parents[3] / "config" / "reminders.toml"
SHIPPED = Rules.load(FILE)
ZONES = ["Asia/Kolkata", "America/New_York", "Europe/London", "Australia/Sydney", "Australia/Lord_Howe"]


def rule(preferred: str, quiet: str = "ignore", *, since: str = "-9d", until: str = "0h") -> Rule:
    """Return a rule with this preferred time, such as `-24h` or `0d 10:00`."""
    offset, _, clock = preferred.partition(" ")
    fields = {"offset": offset, "at": clock or None, "template": "reminder", "quiet": quiet}
    return Rule.model_validate(fields | {"not_before": since, "useful_until": until})


def local(zone: str, clock: str) -> datetime:
    """Return a local time of the zone in UTC."""
    return datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def hours(span: str, zone: str) -> QuietHours:
    start, end = map(time.fromisoformat, span.split("-"))
    return QuietHours(start, end, ZoneInfo(zone))


def by_rule(results: list[PlannedReminder | SkippedReminder]) -> dict[str, str]:
    """Return, by rule, the due time in UTC, such as `2026-03-07T16:00`, or the code."""
    return {
        each.rule: f"{each.due_at:%Y-%m-%dT%H:%M}" if isinstance(each, PlannedReminder) else each.code
        for each in results
    }
