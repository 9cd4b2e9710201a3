"""Settings of the lanes: limits, quiet hours and tokens."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import NoDecode

from config.environment import CONFIG, process_environment
from config.fields import Duration, HeaderToken, Secret, ShortName, pairs
from config.settings.section import SettingsSection


def _quiet_hours() -> str:
    """Return the default, or the empty value if one is set: of this setting alone an empty value means something."""
    return process_environment().get("HARKARA_QUIET_HOURS", "20:00-09:00")


class LaneDefaults(SettingsSection):
    """Values that hold for every lane unless the lanes file differs, and the tokens of further lanes."""

    allowance: str = Field(
        default="20/60s",
        description="Most messages that a lane sends in any such window, as messages/window; `none` for no limit",
    )
    gap: Duration = Field(
        default=timedelta(), ge=timedelta(), description="Shortest time between two messages of a lane"
    )
    burst: int = Field(default=5, ge=1, description="Messages that a lane may send at once after a pause")
    reserve: float = Field(default=0.1, ge=0, lt=1, description="Share of the allowance that marketing may not use")
    timezone: str = Field(default="Asia/Kolkata", description="Time zone of the quiet hours")
    quiet_hours: str = Field(
        default_factory=_quiet_hours,
        description="Hours in which marketing and reminders wait, unless their rule ignores them; empty for none",
    )
    lanes_file: Path = Field(default=CONFIG / "lanes.toml", description="Further lanes; the file may be missing")
    lane_tokens: Annotated[dict[ShortName, HeaderToken], NoDecode, pairs("lane:token,lane:token")] = Field(
        default_factory=dict, description="Chat Mitra's tokens of further lanes: lane:token,lane:token"
    )
    lane_webhook_secrets: Annotated[dict[ShortName, Secret], NoDecode, pairs("lane:secret,lane:secret")] = Field(
        default_factory=dict, description="Webhook secrets of further lanes: lane:secret,lane:secret"
    )
    reengage: str | None = Field(
        default=None, description="Template without parameters that replaces a non-template outside the 24-hour window"
    )
    number: str | None = Field(
        default=None,
        description="WhatsApp number of the lane `default`; a webhook about a message from it is not a customer's",
    )
