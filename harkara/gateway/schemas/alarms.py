"""Requests and responses about alarms."""

from __future__ import annotations

from pydantic import BaseModel, Field

from harkara.goals.alarm import Alarm


class AlarmFilters(BaseModel):
    """Which alarms to list."""

    all: bool = Field(default=False, description="Also closed alarms, which stay listed for 90 days")
    limit: int = Field(default=50, ge=1, le=500)


class AlarmList(BaseModel):
    alarms: list[Alarm]
