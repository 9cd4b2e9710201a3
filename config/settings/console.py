"""Settings of the console: where it is, how long a session lasts, and who signs people in."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from config.fields import Duration, HeaderName, HttpUrl, Networks
from config.settings.section import SettingsSection


class ConsoleSettings(SettingsSection):
    """The pages at /console of the HTTP API."""

    console: bool = Field(default=True, description="Whether the HTTP API serves the console at /console")
    console_url: HttpUrl | None = Field(
        default=None,
        description="URL of the console in one-time links, such as https://harkara.example.com/console; "
        "empty for the address of the HTTP API",
    )
    console_session: Duration = Field(
        default=timedelta(hours=12),
        gt=timedelta(),
        description="How long a session of the console lasts; then its user signs in again",
    )
    console_user_header: HeaderName | None = Field(
        default=None,
        description="Header in which a proxy with single sign-on names the user; then there are no passwords and links",
    )
    console_proxies: Networks | None = Field(
        default=None,
        description="Proxies whose HARKARA_CONSOLE_USER_HEADER is believed: addresses and networks with commas",
    )

    @model_validator(mode="after")
    def _complete_single_sign_on(self) -> Self:
        if (self.console_user_header is None) != (self.console_proxies is None):
            raise ValueError("set both HARKARA_CONSOLE_USER_HEADER and HARKARA_CONSOLE_PROXIES, or neither")
        return self
