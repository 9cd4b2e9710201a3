"""The page about the documentation's advice names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "assistant-practices.md"


def rows() -> list[list[str]]:
    """Return the cells of each row of advice."""
    lines = re.findall(r"^\| (.+) \|$", PAGE.read_text("utf-8"), re.M)
    return [line.split(" | ") for line in lines if not line.startswith(("advice", "---"))]


def test_every_advice_names_a_test_that_exists() -> None:
    assert len(rows()) > 40
    for advice, _, named in rows():
        if advice == "Show that you are typing":
            assert named == "none, since no call exists"
            continue
        path, _, name = named.strip("`").partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.M), named
