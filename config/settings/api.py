"""Settings of the HTTP API, of callbacks and of customers' answers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import NoDecode

from config.environment import CONFIG
from config.fields import Duration, HeaderToken, HttpUrl, Proxies, Secret, ShortName, pairs
from config.settings.section import SettingsSection


class ApiSettings(SettingsSection):
    """How applications call Harkara, and how Harkara calls them back."""

    port: int = Field(
        default=8000, ge=0, le=65_535, validation_alias="port", description="Port that the HTTP API listens on"
    )
    web_address: str = Field(default="127.0.0.1", description="Address that the HTTP API listens on")
    api_tokens: Annotated[dict[ShortName, HeaderToken], NoDecode, pairs("name:token,name:token")] = Field(
        default_factory=dict, description="Callers of the HTTP API: name:token,name:token; without any, all are refused"
    )
    api_lanes: Annotated[dict[str, str], NoDecode, pairs("name:lane+lane,name:lane")] = Field(
        default_factory=dict,
        description="Lanes of each caller: name:lane+lane,name:lane; without an entry only `default`",
    )
    api_limit: str = Field(
        default="600/60s", description="Most requests of each caller in any such window; `none` for no limit"
    )
    trusted_proxies: Proxies = Field(
        default="127.0.0.1",
        description="Proxies whose X-Forwarded-For names the client: addresses and networks with commas, or *",
    )
    request_timeout: Duration = Field(
        default=timedelta(seconds=30),
        gt=timedelta(),
        description="Longest time for a client to send a whole request; then its connection is closed",
    )
    metrics_token: HeaderToken | None = Field(
        default=None, description="Token that /metrics of the HTTP API needs; empty for none"
    )
    docs: bool = Field(default=True, description="Whether the HTTP API serves /docs and its OpenAPI description")

    callback_url: HttpUrl | None = Field(
        default=None,
        description="URL of your application for callbacks with states and answers; empty for no callbacks",
    )
    callback_secret: Secret | None = Field(
        default=None, description="Secret that signs callbacks, in the form of Standard Webhooks: whsec_ and base64"
    )
    callback_private: bool = Field(
        default=False, description="Whether the callback URL may be on this machine or in a private network"
    )
    words_file: Path = Field(
        default=CONFIG / "words.toml", description="Words by which customers opt out, opt in or answer a reminder"
    )
    silence: Duration = Field(
        default=timedelta(minutes=15),
        gt=timedelta(),
        description="Longest time without a webhook after an accepted message; then workers log an error",
    )

    @property
    def callbacks_enabled(self) -> bool:
        """Whether the ledger keeps callbacks for the application."""
        return bool(self.callback_url)
