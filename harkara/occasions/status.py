"""The status of an occasion and its reminders, as the HTTP API and the command show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harkara.json_record import JsonRecord, JsonRecordSeconds, TimestampSeconds
from harkara.message_status import ReminderSummary


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
    status: Literal["open", "cancelled", "completed"]
    reason: str | None
    at: TimestampSeconds
    """In the occasion's own time zone."""


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
