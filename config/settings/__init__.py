"""Every setting of this deployment, read once from the environment and `.env`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pydantic import AliasChoices, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsConfigDict

from config.environment import DOTENV, ENCODING, LOCAL, given_names
from config.settings.alarms import AlarmSettings
from config.settings.api import ApiSettings
from config.settings.assistant import ModelSettings
from config.settings.chatmitra import ChatMitraSettings
from config.settings.console import ConsoleSettings
from config.settings.lanes import LaneDefaults
from config.settings.messages import MessageSettings
from config.settings.observability import ObservabilitySettings
from config.settings.services import ServiceSettings
from config.settings.unknown_names import unknown_names
from config.settings.workers import WorkerSettings
from harkara.errors import Invalid


class Settings(
    ChatMitraSettings,
    ServiceSettings,
    LaneDefaults,
    ApiSettings,
    ConsoleSettings,
    MessageSettings,
    AlarmSettings,
    ModelSettings,
    WorkerSettings,
    ObservabilitySettings,
):
    """One field for each environment variable: its name is the field's in upper case, after `HARKARA_`.

    A field with an alias has the alias as its name instead.
    """

    model_config = SettingsConfigDict(
        env_prefix="HARKARA_",
        env_file_encoding=ENCODING,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,  # it may be a token
        defer_build=False,
    )


@cache
def settings() -> Settings:
    """Return the settings of this process. Raises SystemExit that names each variable that is wrong."""
    check_env_file(os.environ.get("HARKARA_ENV_FILE"))
    return read_settings((LOCAL, DOTENV))


def read_settings(files: Sequence[Path]) -> Settings:
    """Read the environment over these files. Raises SystemExit that names each variable that is wrong or unknown."""
    try:
        unknown = unknown_names(given_names(files), {*map(variable, Settings.model_fields), "HARKARA_ENV_FILE"})
        if unknown:
            raise SystemExit(f"The settings are not understood. {'; '.join(unknown)}")
        return Settings(_env_file=files)
    except ValidationError as error:
        raise SystemExit(_problems(error)) from None


def check_env_file(named: str | None) -> None:
    """Raises SystemExit when HARKARA_ENV_FILE names a file that does not exist."""
    if named and not Path(named).exists():
        raise SystemExit(f"HARKARA_ENV_FILE: {named} does not exist")


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        alias = alias.choices[0]
    return alias.upper() if isinstance(alias, str) else f"HARKARA_{field.upper()}"


def _problems(error: ValidationError) -> str:
    """Name the wrong variables without their values: a token may be among them."""
    return f"The settings are not understood. {'; '.join(map(_problem, error.errors()))}"


def _problem(problem: ErrorDetails) -> str:
    cause = problem.get("ctx", {}).get("error")
    message = cause.rule if isinstance(cause, Invalid) else problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])  # pydantic gives the field, or its alias if it has one
    return f"{variable(name) if name in Settings.model_fields else name.upper()}: {message}"
