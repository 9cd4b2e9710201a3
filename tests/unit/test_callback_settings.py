"""Callbacks are refused when a worker starts, with the next step, if their settings make no sense."""

from __future__ import annotations

from typing import Any

import pytest

from config.callbacks import endpoint
from config.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def given(**values: Any) -> Settings:
    return Settings(_env_file=None, **{f"callback_{name}": value for name, value in values.items()})


def test_without_a_url_nobody_is_told() -> None:
    assert endpoint(given()) is None
    assert endpoint(given(secret=SECRET)) is None
    assert not given(secret=SECRET).callbacks_enabled


def test_a_url_and_a_secret_are_enough() -> None:
    settings = given(url="https://app.example.com/hear", secret=SECRET)
    assert settings.callbacks_enabled
    assert endpoint(settings) is not None


def test_plain_http_is_for_addresses_of_ones_own() -> None:
    url = "http://app.internal/hear"
    assert endpoint(given(url=url, secret=SECRET, private=True)) is not None
    with pytest.raises(SystemExit, match=r"HARKARA_CALLBACK_URL must begin with https.*HARKARA_CALLBACK_PRIVATE=True"):
        endpoint(given(url=url, secret=SECRET))


def test_a_url_that_is_none_is_not_shown() -> None:
    with pytest.raises(SystemExit, match="HARKARA_CALLBACK_URL must be a full URL") as refused:
        endpoint(given(url="https://user:hidden@example.com/", secret=SECRET))
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("secret", [None, "hidden", "whsec_hidden"])
def test_callbacks_are_signed(secret: str | None) -> None:
    with pytest.raises(SystemExit, match=r"HARKARA_CALLBACK_SECRET.*openssl rand") as refused:
        endpoint(given(url="https://app.example.com/hear", secret=secret))
    assert "hidden" not in str(refused.value)
