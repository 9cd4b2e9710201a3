"""Where a message stands, as Python, the HTTP API, callbacks and the command all show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Self

from pydantic import Field, TypeAdapter, ValidationError

from harkara.errors import HarkaraError
from harkara.json_record import JsonRecord, Timestamp
from harkara.states import State


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MessageSummary(JsonRecord):
    """One message without its number and its text, which never leave the ledger."""

    id: str
    state: State
    code: str | None
    """Why it failed, waits or was cancelled, such as `131049` or `expired`."""
    reason: str | None
    """The same as a sentence."""
    flags: tuple[str, ...]
    """`maybe_duplicate` and `fallback`, where they apply."""
    reference: str | None
    lane: str
    kind: str
    template: str | None
    category: str
    job_id: Annotated[str | None, Field(description="Chat Mitra's own")]
    campaign: str | None
    tries: int
    """POSTs that count toward the maximum."""
    created_at: Timestamp
    due_at: Timestamp
    expires_at: Timestamp
    changed_at: Timestamp


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReminderSummary(MessageSummary):
    """A message that an occasion's rule scheduled."""

    rule: str | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReminderOf(JsonRecord):
    """The occasion of a reminder, and the rule that scheduled it."""

    kind: str
    reference: str
    rule: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Attempt(JsonRecord):
    """One POST to Chat Mitra."""

    n: int
    """Number of the claim, counted from 1; a claim that sent nothing leaves a gap."""
    started_at: Timestamp
    ended_at: Timestamp | None
    outcome: str
    """`open` until the answer is recorded."""
    status: int | None
    """HTTP status of the answer."""
    code: str | None
    text: str | None
    job_id: str | None
    worker: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TraceEntry(JsonRecord):
    """One thing that happened to a message."""

    at: Timestamp
    event: str
    detail: str
    sentence: str = ""
    """The same for people."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MessageStatus(MessageSummary):
    """One message with everything that happened to it."""

    occasion: ReminderOf | None
    """None unless the message is a reminder."""
    attempts: tuple[Attempt, ...]
    trace: tuple[TraceEntry, ...]
    """In order of time."""
    next: str | None = None
    """What happens next, or what an operator can do."""
    next_at: Timestamp | None = None
    """When, if that is known."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `dict(status)` wrote in another process.

        Fields that this release does not know are left out. Raises HarkaraError for a missing field and a wrong type.
        """
        try:
            found: Self = _adapter(cls).validate_python(data)
            return found
        except ValidationError as error:
            fields = ", ".join(sorted({str(each["loc"][0]) for each in error.errors()}))
            raise HarkaraError(
                f"the worker's answer does not fit this release ({fields}): install one version on both sides"
            ) from None


@cache
def _adapter(cls: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(cls)
