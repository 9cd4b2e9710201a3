"""Scenario 2: an appointment that moves, one that is cancelled, an invoice paid between two reminders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from rich.table import Table

from harkara import Client
from harkara.errors import NotFound
from harkara.ledger.database import Database
from harkara.ledger.occasions.queries import get_occasion
from harkara.message_status import ReminderSummary
from harkara.occasions import OccasionKey
from workers.demo.messages import GONE, styled

RULES = """
# A day of the real rules takes 12 seconds here.
[kind.appointment."-24h"]
offset = "-24s"
template = "appointment_reminder"
not_before = "-60s"
useful_until = "-14s"
quiet = "ignore"

[kind.appointment."-2h"]
offset = "-10s"
template = "appointment_reminder_2h"
not_before = "-14s"
useful_until = "-1s"
quiet = "ignore"

[kind.payment."-3d"]
offset = "-30s"
template = "payment_reminder"
not_before = "-60s"
useful_until = "-20s"
quiet = "ignore"
set = { time_left = "3 days" }

[kind.payment."-1d"]
offset = "-8s"
template = "payment_reminder"
not_before = "-20s"
useful_until = "-1s"
quiet = "ignore"
set = { time_left = "1 day" }
"""

MOVED = OccasionKey("visit-7", "appointment", "default")
CANCELLED = OccasionKey("visit-8", "appointment", "default")
PAID = OccasionKey("INV-118", "payment", "default")

PEOPLE = {MOVED: "919876500020", CANCELLED: "919876500021", PAID: "919876500022"}

_ENDS = {
    MOVED: {"-24h": {"read", "cancelled"}, "-2h": {"read", "cancelled"}},
    CANCELLED: {"-24h": {"cancelled"}, "-2h": {"cancelled"}},
    PAID: {"-3d": {"read"}, "-1d": {"cancelled"}},
}
"""For each rule the states in which its reminders must end, such as one superseded and one sent."""


class Occasions:
    """Save occasions, change them as a clinic does, and check how their reminders end."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database
        self._plan = client.plan()
        self._called = self._paid = False
        self._now = datetime.now(UTC)

    def save(self) -> None:
        self._now = datetime.now(UTC)
        for key in (MOVED, CANCELLED):
            self._save(key, 34, {"doctor": "Dr Rao"})
        self._save(PAID, 34, {"invoice": PAID.reference})

    def advance(self) -> None:
        """Change occasions when their reminders exist; pay the invoice when its first reminder has been sent."""
        if not self._called and self.reminders(MOVED) and self.reminders(CANCELLED):
            self._save(MOVED, 38, {"doctor": "Dr Rao"})
            self._client.cancel_occasion(CANCELLED.kind, CANCELLED.reference, reason="the customer called")
            self._called = True
        if not self._paid and self._states(PAID).get("-3d", set()) & GONE:
            self._client.complete_occasion(PAID.kind, PAID.reference, reason="paid")
            self._paid = True

    @property
    def over(self) -> bool:
        return all(self._states(key) == ends for key, ends in _ENDS.items())

    def table(self) -> Table:
        shown = Table("occasion", "reminder", "state", "why", box=None)
        names = {
            MOVED: "appointment, moved once",
            CANCELLED: "appointment, cancelled",
            PAID: "invoice, paid in between",
        }
        for key, what in names.items():
            for reminder in self.reminders(key):
                shown.add_row(what, reminder.rule, styled(reminder.state), reminder.reason or "")
        return shown

    def _save(self, key: OccasionKey, seconds: int, said: Mapping[str, str]) -> None:
        at = self._now + timedelta(seconds=seconds)
        parameters = dict.fromkeys(self._plan.parameters(key.kind), "42") | dict(said)
        self._client.save_occasion(key.kind, key.reference, at=at, to=PEOPLE[key], parameters=parameters)

    def reminders(self, key: OccasionKey) -> tuple[ReminderSummary, ...]:
        """Return the reminders of an occasion that exist so far."""
        try:
            return get_occasion(self._database, key, self._plan).reminders
        except NotFound:  # it is still in the intake
            return ()

    def _states(self, key: OccasionKey) -> dict[str, set[str]]:
        states: dict[str, set[str]] = {}
        for reminder in self.reminders(key):
            states.setdefault(reminder.rule or "", set()).add(reminder.state)
        return states
