"""The settings that people see: every one of them, and no secret."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from config.settings import Settings, variable
from config.shown_settings import HIDDEN, shown_settings

CANARY = "swordfish-0123"


def shown(**given: object) -> dict[str, str]:
    return {each.name: each.value for each in shown_settings(Settings(_env_file=None, **given))}  # type: ignore[arg-type]


def test_every_setting_is_shown_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARKARA_THREADS", "7")
    values = shown()
    assert values.keys() == set(map(variable, Settings.model_fields))
    assert values["HARKARA_THREADS"] == "7"
    assert values["HARKARA_SILENCE"] == "900s"
    given = {each.name for each in shown_settings(Settings(_env_file=None)) if each.given}
    assert "HARKARA_THREADS" in given


def test_secrets_passwords_and_numbers_are_masked() -> None:
    secrets = {
        name: SecretStr(CANARY) for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }
    several = {
        name: value for name, value in secrets.items() if str(Settings.model_fields[name].annotation)[:4] == "dict"
    }
    one = {name: value for name, value in secrets.items() if name not in several and name != "alarm_urls"}
    assert len(several) >= 3
    assert len(one) >= 4
    given: dict[str, Any] = {
        **one,
        **{name: {"shop": value} for name, value in several.items()},
        "alarm_urls": (SecretStr(f"slack://{CANARY}"),),
        "redis_url": f"redis://user:{CANARY}@127.0.0.1:6379/0?password={CANARY}",
        "database_url": f"postgresql://harkara:{CANARY}@db/harkara?sslpassword={CANARY}",
        "callback_url": f"https://app.example.com/hooks?key={CANARY}",
        "alarm_number": "919876543210",
    }
    found = Settings.model_construct(**given)
    values = {each.name: each.value for each in shown_settings(found)}
    assert CANARY not in str(values)
    assert values["HARKARA_LANE_TOKENS"] == f"shop: {HIDDEN}"
    assert values[variable("redis_url")] == f"redis://{HIDDEN}@127.0.0.1:6379/0?{HIDDEN}"
    assert values["HARKARA_ALARM_NUMBER"] == "91••••••3210"
