"""The catalogue of the repository, and messages of its kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harkara import Catalogue, Invalid, Template

FILE = Path(__file__).parents[3] / "config" / "templates.toml"
EXAMPLE = FILE.with_name("templates.local.example.toml")
CATALOGUE = Catalogue.load(FILE)

PICTURE = "https://example.com/a.jpg"
CODE = {"code": "482913", "minutes": "5", "purpose": "the login"}
PIN = {
    "customer": "Asha",
    "card": "4242",
    "requested_at": "24 November, 10:30",
    "channel": "the app",
    "location": "Pune",
    "valid_for": "5 minutes",
    "url_suffix": "t0k3n",
}


def values(kind: str) -> dict[str, str]:
    """A value for each parameter of a kind: its name, unless it needs a format."""
    special = {"image": PICTURE, "code": "482913", "card": "•••• 4242"}
    return {name: special.get(name, name) for name in CATALOGUE.find(kind).parameters}


def message(kind: str, parameters: Any, catalogue: Catalogue = CATALOGUE) -> Template:
    return catalogue.message(kind, parameters, opted_in=True)


def error(kind: str, parameters: Any, **options: Any) -> str:
    """The text of the error that these parameters cause."""
    with pytest.raises(Invalid) as caught:
        CATALOGUE.message(kind, parameters, **options)
    return str(caught.value)
