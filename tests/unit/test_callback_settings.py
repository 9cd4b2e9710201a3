"""A worker with wrong callback settings does not start, and its error gives the next step."""

from __future__ import annotations

from typing import Any

import pytest

from config.callback_endpoint import endpoint
from config.settings import Settings, read_settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def settings_with(**values: Any) -> Settings:
    return Settings(_env_file=None, **{f"callback_{name}": value for name, value in values.items()})


def test_without_a_url_callbacks_are_disabled() -> None:
    assert endpoint(settings_with()) is None
    assert endpoint(settings_with(secret=SECRET)) is None
    assert not settings_with(secret=SECRET).callbacks_enabled


def test_a_url_and_a_secret_enable_callbacks() -> None:
    settings = settings_with(url="https://app.example.com/callbacks", secret=SECRET)
    assert settings.callbacks_enabled
    assert endpoint(settings) is not None


def test_http_is_accepted_for_private_addresses_only() -> None:
    url = "http://app.internal/callbacks"
    assert endpoint(settings_with(url=url, secret=SECRET, private=True)) is not None
    with pytest.raises(SystemExit, match=r"HARKARA_CALLBACK_URL must begin with https.*HARKARA_CALLBACK_PRIVATE=True"):
        endpoint(settings_with(url=url, secret=SECRET))


def test_an_invalid_url_is_not_part_of_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARKARA_CALLBACK_URL", "https://user:hidden@example.com/")
    with pytest.raises(SystemExit, match="HARKARA_CALLBACK_URL: must be a full URL") as refused:
        read_settings(())
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("secret", [None, "hidden", "whsec_hidden"])
def test_a_missing_or_invalid_secret_is_refused(secret: str | None) -> None:
    with pytest.raises(SystemExit, match=r"HARKARA_CALLBACK_SECRET.*openssl rand") as refused:
        endpoint(settings_with(url="https://app.example.com/callbacks", secret=secret))
    assert "hidden" not in str(refused.value)
