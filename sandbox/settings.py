"""Where the stand-in listens, whom it lets in and how it misbehaves from the start, read from the environment."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sandbox.switches import Switches


class Settings(BaseSettings):
    """From `SANDBOX_<NAME>`; the port also from `PORT`."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", extra="ignore")

    host: str = "127.0.0.1"
    """Loopback unless a container must be reached from another."""
    port: int = Field(8900, ge=0, le=65_535, validation_alias=AliasChoices("SANDBOX_PORT", "PORT"))
    """0 takes a free one."""
    tokens: str = ""
    """Who may send, separated by commas; empty lets any token in."""
    history: int = Field(100_000, gt=0)
    """Requests kept in memory; older ones are forgotten."""

    @property
    def allowed_tokens(self) -> frozenset[str]:
        return frozenset(token.strip() for token in self.tokens.split(",") if token.strip())


class _StartingSwitches(Switches, BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SANDBOX_", extra="ignore")


def settings_from_environment() -> tuple[Settings, Switches]:
    """Raises pydantic.ValidationError, which names the variable and what is wrong with it."""
    return Settings(), Switches.model_validate(_StartingSwitches().model_dump())
