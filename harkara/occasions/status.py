"""The status of an occasion and its reminders, as the HTTP API and the command show it."""

from __future__ import annotations

from dataclasses import dataclass

from harkara.json_record import JsonRecord, JsonRecordSeconds, TimestampSecondsOrDay
from harkara.message_status import ReminderSummary
from harkara.occasions.rules import Status


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OccasionSummary(JsonRecordSeconds):
    """An occasion without its phone number and its parameters, which never leave the ledger."""

    id: str
    kind: str
    reference: str
    lane: str
    producer: str
    zone: str
    version: int | None
    """The application's own, of the last update that had one."""
    revision: int
    """Grows with each change that the reminders follow."""
    status: Status
    reason: str | None
    at: TimestampSecondsOrDay
    """In the occasion's own time zone; a date if it is a whole day."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SkippedRule(JsonRecord):
    """A rule without a reminder, and the reason."""

    rule: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OccasionStatus(OccasionSummary):
    """An occasion with its reminders, also the ones of earlier revisions."""

    reminders: tuple[ReminderSummary, ...]
    """In order of their due times."""
    skipped: tuple[SkippedRule, ...]
