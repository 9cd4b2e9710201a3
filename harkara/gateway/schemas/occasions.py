"""Requests and responses about occasions."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from harkara.gateway.schemas.fields import UtcTime


class SaveOccasion(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: str = Field(description="The customer's phone number")
    at: str = Field(
        description="When it happens: ISO 8601; a time without offset is local to `zone`, a date is the whole day"
    )
    zone: str | None = Field(default=None, description="The time zone of clock and calendar; by default the lane's")
    parameters: dict[str, str] = Field(default_factory=dict, description="Fill the templates of the reminders")
    language: str | None = None
    version: int | None = Field(default=None, ge=0, description="A version older than the stored one changes nothing")


class CloseOccasion(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(default=None, max_length=200)
    version: int | None = Field(default=None, ge=0)


class ReportPeriod(BaseModel):
    """Bounds of the times of the occasions."""

    model_config = ConfigDict(extra="forbid")

    since: UtcTime | None = Field(default=None, description="At this time or later; ISO 8601 with a zone")
    until: UtcTime | None = Field(default=None, description="Before this time; ISO 8601 with a zone")


class OccasionChange(BaseModel):
    kind: str
    reference: str
    change: Literal["created", "changed", "unchanged", "outdated"]


class ReminderSent(BaseModel):
    kind: str
    reference: str
    message: str = Field(description="The id of the message")
