"""The lanes file: what a lane has otherwise than the lane `default`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, Field, RootModel

from config.fields import Duration, ShortName
from harkara.text_files import is_missing
from harkara.toml import load_toml, validate


class LaneSettings(BaseModel):
    """One table of the file. A value that the table omits is that of the lane `default`, except the number."""

    model_config = {"extra": "forbid"}

    allowance: str | None = None
    gap: Duration | None = Field(default=None, ge=timedelta())
    timezone: str | None = None
    quiet_hours: str | None = None
    reengage: str | None = None
    number: str | None = None


class _LanesFile(RootModel[dict[ShortName, LaneSettings]]):
    pass


def read_lane_settings(file: Path) -> dict[str, LaneSettings]:
    """Return the tables of the file by lane, none for a missing file. Raises Invalid that names file and lane."""
    if is_missing(file):
        return {}
    return validate(_LanesFile, load_toml(file), file.name).root
