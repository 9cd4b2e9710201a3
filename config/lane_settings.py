"""The lanes file: what a lane has otherwise than the lane `default`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from config.fields import Duration
from harkara.toml import read_toml, refusal


class LaneSettings(BaseModel):
    """One table of the file. A value that the table omits is that of the lane `default`."""

    model_config = {"extra": "forbid"}

    allowance: str | None = None
    gap: Duration | None = Field(default=None, ge=timedelta())
    timezone: str | None = None
    quiet_hours: str | None = None
    reengage: str | None = None


def read_lane_settings(file: Path) -> dict[str, LaneSettings]:
    """Return the tables of the file by lane, none for a missing file. Raises Invalid that names file and lane."""
    if not file.exists():
        return {}
    return {name: _validate(file, name, table) for name, table in read_toml(file).items()}


def _validate(file: Path, name: str, table: object) -> LaneSettings:
    try:
        return LaneSettings.model_validate(table)
    except ValidationError as error:
        raise refusal(file.name, error, lambda at: ".".join([name, *map(str, at)])) from error
