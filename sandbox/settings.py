"""Settings from the environment: address, accepted tokens, history size, and the switches at the start."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sandbox.switches import Switches


class Settings(BaseSettings):
    """Read from `SANDBOX_<NAME>`; the port also from `PORT`."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", extra="ignore")

    host: str = "127.0.0.1"
    """Loopback, unless other containers must reach this one."""
    port: int = Field(8900, ge=0, le=65_535, validation_alias=AliasChoices("SANDBOX_PORT", "PORT"))
    """0 means any free port."""
    tokens: str = ""
    """Accepted tokens, separated by commas; empty accepts every token."""
    history: int = Field(100_000, gt=0)
    """Requests kept in memory; the oldest are dropped."""

    @property
    def allowed_tokens(self) -> frozenset[str]:
        return frozenset(token.strip() for token in self.tokens.split(",") if token.strip())


class _StartingSwitches(Switches, BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SANDBOX_", extra="ignore")


def settings_from_environment() -> tuple[Settings, Switches]:
    """Read both. Raises pydantic.ValidationError, which names the variable and the rule."""
    return Settings(), Switches.model_validate(_StartingSwitches().model_dump())
