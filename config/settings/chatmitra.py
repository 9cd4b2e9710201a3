"""Settings of Chat Mitra: its URL, the token and secret of the lane `default`, and the timeouts of a POST."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from config.fields import Duration, HeaderToken, HttpUrl, Secret
from config.settings.section import SettingsSection


class ChatMitraSettings(SettingsSection):
    """How workers reach Chat Mitra."""

    chatmitra_api_url: HttpUrl = Field(
        default="https://backend.chatmitra.com/developer/api/send_message",
        validation_alias="chatmitra_api_url",
        description="Full URL of Chat Mitra's send_message",
    )
    chatmitra_api_token: HeaderToken | None = Field(
        default=None, validation_alias="chatmitra_api_token", description="Chat Mitra's token of the lane `default`"
    )
    chatmitra_webhook_secret: Secret | None = Field(
        default=None,
        validation_alias="chatmitra_webhook_secret",
        description="Secret that signs the webhooks of the lane `default`; without it the HTTP API refuses them",
    )

    connect_timeout: Duration = Field(
        default=timedelta(seconds=3.05), gt=timedelta(), description="Longest time to connect to Chat Mitra"
    )
    read_timeout: Duration = Field(
        default=timedelta(seconds=15), gt=timedelta(), description="Longest time for Chat Mitra's whole answer"
    )
    keepalive: Duration = Field(
        default=timedelta(seconds=4),
        ge=timedelta(),
        description="Time that an idle connection to Chat Mitra stays open",
    )

    @model_validator(mode="after")
    def _bound_post_timeout(self) -> Self:
        if self.post_timeout > timedelta(minutes=10):
            raise ValueError(
                "HARKARA_CONNECT_TIMEOUT and HARKARA_READ_TIMEOUT together must not exceed 10m, "
                f"and are {self.post_timeout.total_seconds():g}s"
            )
        return self

    @property
    def post_timeout(self) -> timedelta:
        """The longest time that one POST can take."""
        return self.connect_timeout + self.read_timeout
