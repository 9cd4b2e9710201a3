"""The examples of .env and of the lanes file are complete and agree with the settings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config.lanes import lanes
from config.lanes_file import LaneSettings
from config.settings import Settings, variable

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {variable(name): field for name, field in Settings.model_fields.items()}


def test_the_example_shows_every_setting_with_its_description_and_default() -> None:
    missing = []
    for name, field in SETTINGS.items():
        entry = f"{name}={shown(field.get_default(call_default_factory=True))}\n"
        if not any(f"\n# {field.description}\n{mark}{entry}" in example() for mark in ("#", "")):
            missing.append(f"# {field.description}\n#{entry}")
    assert missing == []


def test_the_example_names_only_variables_that_are_read() -> None:
    read = SETTINGS.keys() | {name for file in ("docker-compose.yml", "Procfile") for name in interpolated(file)}
    read.add("COMPOSE_PROFILES")  # docker compose itself reads it
    named = set(re.findall(r"^#?([A-Z_]+)=", example(), re.MULTILINE))
    assert {name for name in named - read if not name.startswith("FLOWER_")} == set()
    assert read - named == set()


def test_the_lanes_example_is_valid_and_shows_every_key() -> None:
    file = ROOT / "config" / "lanes.example.toml"
    tables = tomllib.loads(file.read_text())
    tokens = {name: SecretStr("token") for name in tables}
    settings = Settings(_env_file=None, lanes_file=file, lane_tokens=tokens)
    assert lanes(settings).keys() >= tables.keys()
    assert {key for table in tables.values() for key in table} == LaneSettings.model_fields.keys()


def example() -> str:
    return (ROOT / ".env.example").read_text()


def shown(default: Any) -> str:
    """Return a default as .env has it."""
    if default in (None, {}, ()):
        return ""
    if isinstance(default, timedelta):
        return duration(default.total_seconds())
    if isinstance(default, Path):
        return str(default.relative_to(ROOT))
    return f"{default:g}" if isinstance(default, float) else str(default)


def duration(seconds: float) -> str:
    """Return a duration in its largest unit with a whole number, otherwise in seconds."""
    units = {"d": 86_400, "h": 3600, "m": 60}
    whole = next((unit for unit, size in units.items() if seconds and seconds % size == 0), "s")
    return f"{seconds / units.get(whole, 1):g}{whole}"


def interpolated(file: str) -> Iterator[str]:
    return (match[1] for match in re.finditer(r"\$\{([A-Z_]+)", (ROOT / file).read_text()))
