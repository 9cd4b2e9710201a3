"""What the present recipient of an occasion may have received: it decides which reminders are still missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast, get_args

from harkara.ledger.messages.erased_number import ERASED
from harkara.ledger.occasions.rows import ending_of
from harkara.ledger.transaction import Row
from harkara.occasions import ReminderMessage, SkippedReminder
from harkara.occasions.rules import Origin
from harkara.people.spellings import canonical
from harkara.states import UNSENT, State

SUPERSEDED = "superseded"
"""The code of a reminder that was cancelled because its occasion changed."""

_ARRIVED = frozenset({State.ACCEPTED, State.SENT, State.DELIVERED, State.READ})

Result = ReminderMessage | SkippedReminder
"""What the plan decided for one rule."""


class ReceivedReminders:
    """The reminders of one occasion that its present recipient may have received, and what the last of them says.

    Only the last one counts: after 10:30, 16:00 and 10:30 again, a person whose last reminder says 16:00 does not know
    the time, although an earlier one was right. A reminder to another number does not count.
    """

    def __init__(self, row: Row, reminders: Sequence[Row]) -> None:
        self._row = row
        self._own = [each for each in reminders if _went_to(each, row["recipient"])]
        # Whether a reminder that is being POSTed arrives is not known yet: its outcome derives the occasion again.
        received = [each for each in self._own if may_have_arrived(each) and not self._is_outdated_post(each)]
        last = max(received, key=_moment, default=None)
        self._wrong_since = _moment(last)[0] if last and not self._has_present_time(last) else None

    def given(self, result: Result) -> Row | None:
        """Return the reminder that leaves nothing to send for this rule at the occasion's present time.

        It may have arrived, or it was stopped by anything but a change of its occasion or an erasure. The person has
        received no reminder with another time since.
        """
        own_slot = slot(self._row, result)
        found = [each for each in self._own if slot_of(each) == own_slot and _is_settled(each) and self.is_valid(each)]
        return max(found, key=_moment, default=None)

    def may_include(self, reminder: Row) -> bool:
        """Return whether the person may have received this reminder, and none with another time since."""
        return reminder in self._own and may_have_arrived(reminder) and self.is_valid(reminder)

    def is_valid(self, reminder: Row) -> bool:
        """Return whether no reminder with another time has followed this one to the same person."""
        return self._wrong_since is None or _moment(reminder)[0] > self._wrong_since

    def _is_outdated_post(self, reminder: Row) -> bool:
        return reminder["state"] == State.SENDING and not self._has_present_time(reminder)

    def _has_present_time(self, reminder: Row) -> bool:
        present = {_text(time) for origin in _ORIGINS if (time := _time(self._row, origin))}
        return slot_of(reminder).rpartition("/")[2] in present


def slot(row: Row, result: Result) -> str:
    """Return the identity of a rule's reminder for the occasion's present time, the prefix of its reference.

    A rule that counts from the closing has a slot for each closing: what was said about the last one does not hold for
    an occasion that was opened again.
    """
    return f"{row['id']}/{result.rule}/{_text(_time(row, result.origin) or row['at'])}"


def slot_of(reminder: Row) -> str:
    """Return the slot that the reminder belongs to."""
    return str(reminder["reference"]).rpartition("/")[0]


def may_have_arrived(reminder: Row) -> bool:
    """Return whether a POST of this reminder may have reached its recipient."""
    if reminder["state"] in _ARRIVED or reminder["state"] in (State.SENDING, State.UNCERTAIN):
        return True
    # An uncertain one that was sent again, or that an operator dropped, may have arrived with its first POST.
    return bool(reminder["resends"]) or reminder["code"] == "dropped"


def _went_to(reminder: Row, recipient: str | None) -> bool:
    """Return whether the reminder went to this number, or may have arrived at another spelling of it.

    A number that the retention erased counts as this one: its reminder was useful long ago.
    """
    to = reminder["recipient"]
    if to is None or recipient is None or to == recipient:
        return True
    return canonical(to) == canonical(recipient) and may_have_arrived(reminder)


def _is_settled(reminder: Row) -> bool:
    # After an erasure, the application may give the occasion to another person, or to the same one again.
    may_follow = reminder["state"] == State.CANCELLED and reminder["code"] in (SUPERSEDED, ERASED)
    return reminder["state"] not in UNSENT and not may_follow


def _moment(reminder: Row) -> tuple[datetime, str]:
    """Return when it was POSTed, or stopped without a POST, with its id as the second key."""
    return reminder["posted_at"] or reminder["changed_at"], reminder["id"]


_ORIGINS: tuple[Origin, ...] = get_args(Origin)


def _time(row: Row, origin: Origin) -> datetime | None:
    """Return the time that rules with this origin count from, None for the closing of an open occasion."""
    if origin == "at":
        return cast(datetime, row["at"])
    ending = ending_of(row)
    return ending.at if ending else None


def _text(time: datetime) -> str:
    return f"{time:%Y%m%dT%H%M%SZ}"
