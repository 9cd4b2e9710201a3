"""What the parts of the settings have in common."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsSection(BaseSettings):
    """A part of the settings. They are read as a whole, so no process builds the validator of a part."""

    model_config = SettingsConfigDict(defer_build=True)
