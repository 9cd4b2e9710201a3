"""The reminder plan of this deployment: rules, templates, and the hours of its lanes."""

from __future__ import annotations

from collections.abc import Mapping

from config.settings import Settings
from config.templates import catalogue
from harkara.errors import Invalid
from harkara.lanes import Lane
from harkara.occasions import ReminderPlan, Rules


def load_reminder_plan(settings: Settings, lanes: Mapping[str, Lane]) -> ReminderPlan:
    """Load the plan of these lanes from the files of the settings. Raises SystemExit with file, entry and problem."""
    try:
        plan = ReminderPlan.from_lanes(Rules.load(settings.reminders_file), catalogue(settings), lanes)
        plan.validate()
    except Invalid as error:
        raise SystemExit(str(error)) from error
    return plan
