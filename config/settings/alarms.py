"""Settings of goals and alarms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from config.environment import CONFIG
from config.fields import Secret, ShortName
from config.settings.section import SettingsSection

_BETWEEN_URLS = re.compile(r"[\s,]+(?=[A-Za-z0-9+]+://)|\s+")
"""An URL may have a comma inside, such as between the addresses of a mail."""


def _split_urls(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    urls = [url for url in _BETWEEN_URLS.split(value.strip().strip(",")) if url]
    if wrong := next((position for position, url in enumerate(urls, start=1) if "://" not in url), None):
        raise ValueError(f"must be URLs of Apprise with spaces between them; number {wrong} has no ://")
    return urls


class AlarmSettings(SettingsSection):
    """What a deployment promises itself, and who learns that it is missed."""

    goals_file: Path = Field(
        default=CONFIG / "goals.toml",
        description="Goals whose alarms open when they are missed; the file may be missing",
    )
    alarm_urls: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_split_urls)] = Field(
        default=(),
        description="URLs of Apprise that receive alarms, with spaces between them: mailtos://…, slack://…, json://…",
    )
    alarm_number: str | None = Field(
        default=None, description="WhatsApp number that receives alarms; its answer OK acknowledges them"
    )
    alarm_lane: ShortName = Field(default="default", description="Lane that sends the alarms to HARKARA_ALARM_NUMBER")
