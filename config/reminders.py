"""The plan of reminders of this deployment: its rules, its templates and the hours of its lanes."""

from __future__ import annotations

from config.lanes import lanes
from config.settings import Settings
from config.templates import catalogue
from harkara.errors import Invalid
from harkara.occasions import ReminderPlan, Rules


def plan(settings: Settings) -> ReminderPlan:
    """Raises SystemExit, which names the file or the entry, and what is wrong with it."""
    try:
        found = ReminderPlan.from_lanes(Rules.load(settings.reminders_file), catalogue(settings), lanes(settings))
        found.validate()
    except Invalid as error:
        raise SystemExit(str(error)) from error
    return found
