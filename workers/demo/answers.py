"""Scenario 4: customers write first, answer a reminder and opt out, and the application receives callbacks."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from harkara import Client, MessageStatus, Template
from harkara.errors import NotFound
from harkara.ledger.contacts.contacts import load_contacts
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from harkara.message_status import ReminderSummary
from harkara.states import State
from workers.demo.application import Application
from workers.demo.messages import GONE, styled
from workers.demo.occasions import MOVED, PEOPLE
from workers.sandbox_control import Sandbox

LANE = "default"
TIRED = "919876500040"
"""The number of a customer who opts out."""


class Answers:
    """Act as the customers, and check that everything happened as expected."""

    def __init__(self, client: Client, database: Database, sandbox: Sandbox, application: Application) -> None:
        self._client = client
        self._database = database
        self._sandbox = sandbox
        self._application = application
        self._invitation: str | None = None
        self._confirmed = self._stopped = False

    def greet(self, people: Iterable[str], patience: float) -> None:
        """Write as the customers, so that their 24-hour windows open. Returns when the ledger has recorded it."""
        keys = {(LANE, number) for number in people}
        for _, number in sorted(keys):
            self._sandbox.customer(number, "Hello")
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with self._database.read() as tx:
                if len(load_contacts(tx, keys)) == len(keys):
                    return
            time.sleep(0.1)

    def start(self) -> None:
        """Send a message for later to a customer who will opt out before."""
        later = datetime.now(UTC) + timedelta(seconds=45)
        invitation = Template("feedback_request", body=["Asha"])
        self._invitation = self._client.send(invitation, to=TIRED, at=later).id

    def advance(self, reminders: Iterable[ReminderSummary]) -> None:
        """Confirm the appointment as soon as its reminder has arrived; another customer opts out."""
        if not self._confirmed and any(one.state in GONE for one in reminders):
            self._sandbox.customer(PEOPLE[MOVED], "Yes, confirm 👍")
            self._confirmed = True
        if not self._stopped and self._state() == State.WAITING:
            self._sandbox.customer(TIRED, "STOP")
            self._stopped = True

    @property
    def over(self) -> bool:
        return bool(self._state() == State.CANCELLED and self._received("contact.opted-out") and self._visit())

    def table(self) -> Table:
        shown = Table("customer", "what came of it", "", box=None)
        if self._visit():
            shown.add_row("answers a reminder", f"the application receives {self._visit()}: reminder.confirmed", "")
        kept = self._status()
        if self._stopped and kept:
            shown.add_row("writes STOP", f"what was planned: {styled(kept.state)}", kept.reason or "")
        return shown

    def _visit(self) -> str:
        confirmed = self._received("reminder.confirmed")
        return f"{confirmed[0]['occasion']['kind']} {confirmed[0]['occasion']['reference']}" if confirmed else ""

    def _received(self, kind: str) -> list[dict[str, Any]]:
        return self._application.received(kind)

    def _state(self) -> State | None:
        kept = self._status()
        return kept.state if kept else None

    def _status(self) -> MessageStatus | None:
        try:
            return get_status(self._database, self._invitation or "")
        except NotFound:  # it is still in the intake
            return None
