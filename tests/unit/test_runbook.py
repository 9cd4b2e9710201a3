"""The runbook has a section for every metric, and every section says what to see, to do and to check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUNBOOK = (DOCS / "how-to" / "runbook.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)+)", RUNBOOK, re.MULTILINE))
METRICS = re.findall(r"^\| `(harkara_\w+)`", (DOCS / "reference" / "metrics.md").read_text("utf-8"), re.MULTILINE)


def test_every_metric_has_a_section() -> None:
    assert len(METRICS) > 15
    assert [name for name in METRICS if f"`{name}" not in RUNBOOK] == []


@pytest.mark.parametrize("title", sorted(SECTIONS.keys() - {"Look first"}))
def test_a_section_says_what_to_see_to_do_and_to_check_in_this_order(title: str) -> None:
    parts = re.findall(r"^\*\*(.+?):\*\*", SECTIONS[title], re.MULTILINE)
    assert parts == ["You see", "Do", "Check"]


def test_every_file_of_the_configuration_is_in_the_manual_with_the_moment_at_which_it_is_read() -> None:
    manual = (DOCS / "how-to" / "operate.md").read_text("utf-8")
    files = {path.name for path in (DOCS.parent / "config").glob("*.toml") if "example" not in path.name}
    assert files > {"words.toml"}
    assert [name for name in files if not re.search(rf"^\| [^|]*`{name}`", manual, re.MULTILINE)] == []
