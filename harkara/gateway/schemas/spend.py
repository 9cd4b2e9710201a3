"""Request and response about spend."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from harkara.money.spend import By, Spend


class SpendPeriod(BaseModel):
    """What to sum, and over which days of the lanes' time zones."""

    model_config = ConfigDict(extra="forbid")

    by: By = "day"
    since: date | None = Field(default=None, description="The first day; by default 30 days before the last")
    until: date | None = Field(default=None, description="The last day, included; by default today")


class SpendReport(BaseModel):
    by: By
    since: date
    until: date
    spend: list[Spend]
