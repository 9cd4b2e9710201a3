"""Settings of the assistant; its rules are in config/assistant.toml."""

from __future__ import annotations

from pydantic import Field

from config.fields import HeaderToken
from config.settings.section import SettingsSection


class ModelSettings(SettingsSection):
    """The secret of the language model."""

    model_key: HeaderToken | None = Field(
        default=None,
        description="Key of the language model that config/assistant.toml names; empty for a server without",
    )
