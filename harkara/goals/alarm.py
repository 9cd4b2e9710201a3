"""An alarm as the HTTP API, the command and the callbacks show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harkara.json_record import JsonRecordSeconds, TimestampSeconds

AlarmState = Literal["open", "acknowledged", "closed"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Alarm(JsonRecordSeconds):
    """A goal that is or was missed. All times are in UTC."""

    id: str
    goal: str
    lane: str | None
    """None for a goal of the whole deployment."""
    subject: str | None
    """What a lane or the deployment has several of, such as the host of a disk."""
    state: AlarmState
    sentence: str
    """What was measured when the alarm opened, and the limit."""
    value: float
    limit: float
    missed_since: TimestampSeconds
    opened_at: TimestampSeconds
    acknowledged_at: TimestampSeconds | None
    acknowledged_by: str | None
    closed_at: TimestampSeconds | None

    @property
    def title(self) -> str:
        """Name the goal and what it is about, in a few words."""
        about = ", ".join(filter(None, (self.lane and f"lane {self.lane}", self.subject)))
        return f"{self.goal} ({about})" if about else self.goal
