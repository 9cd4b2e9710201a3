"""The settings as people may see them: secrets are masked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import SecretStr

from config.settings import Settings, variable
from harkara.health.sources import Setting
from harkara.masking import mask_numbers

HIDDEN = "••••"

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def shown_settings(settings: Settings) -> list[Setting]:
    """Return every setting, in the order of the code."""
    return [
        Setting(
            variable(name), _shown(getattr(settings, name)), field.description or "", name in settings.model_fields_set
        )
        for name, field in Settings.model_fields.items()
    ]


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return HIDDEN if value.get_secret_value() else ""
        case timedelta():
            return f"{value.total_seconds():g}s"
        case Mapping():
            return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
        case str():
            return mask_numbers(_URL.sub(lambda url: _without_secrets(url[0]), value))
        case Sequence():
            return ", ".join(map(_shown, value))
        case int() | float():
            return str(value)
    return _shown(str(value))


def _without_secrets(url: str) -> str:
    """Return the URL without its user, its password and its query, which may have a password as well."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    _, at, host = parts.netloc.rpartition("@")
    query = f"?{HIDDEN}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{HIDDEN if at else ''}{at}{host}{parts.path}{query}"
