"""The documentation's examples name what exists; tests/acceptance/test_docs.py runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harkara.catalogue import Catalogue
from tests.acceptance.printed import shows

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

PRINTED = """\
job_01a22440638076db8644b403438cdd5a  read
text (reply)
2026-11-28 22:22:14 UTC  claimed        by host:24112
2026-11-28T22:22:15+00:00  read   by-id webhook
"""


def test_a_request_in_the_documentation_has_the_parameters_of_its_template() -> None:
    catalogue = Catalogue.load(ROOT / "config" / "templates.toml")
    found = [template for page in PAGES for template in templates(page)]
    assert found
    for template in found:
        body = next(part["parameters"] for part in template["components"] if part["type"] == "body")
        assert len(body) == len(catalogue.find(template["name"]).body), template["name"]


def test_the_first_page_and_the_menu_of_the_site_lead_to_every_page() -> None:
    pages = {str(page.relative_to(ROOT / "docs")) for page in PAGES[1:]}
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    menu = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[2]
    assert pages - set(re.findall(r"\]\(([^)#]+)", index)) == {"index.md"}
    assert pages - set(re.findall(r": (\S+\.md)", menu)) == set()


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.stem)
def test_a_page_begins_with_the_people_it_is_for(page: Path) -> None:
    title, _, begin = page.read_text("utf-8").partition("\n\n")
    assert title.startswith("# ")
    assert begin.startswith(("This page is ", "These pages are ")) or page.stem == "index"


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        ("job_0f3a1122  read\n…\n2025-01-01 00:00:00 IST  read  by-id …", True),
        ("2025-01-01 00:00 +05:30 claimed by …\n2025-01-01 00:00 +05:30 read …", True),
        ("job_0f3a1122  read\n2025-01-01 00:00:00 UTC  claimed …", False),  # a line is missing between
        ("job_0f3a1122  failed", False),
        ("reply)", False),
        ("…\nread …\n…\nclaimed …", False),
    ],
)
def test_what_a_page_shows_is_compared_line_by_line_but_for_ids_and_times(expected: str, shown: bool) -> None:
    assert shows(PRINTED, expected) is shown


def templates(page: Path) -> Iterator[dict[str, Any]]:
    for body in re.findall(r"-d '(\{.*?\})'", page.read_text("utf-8"), re.S):
        for message in json.loads(body).get("messages", []):
            if message["kind"] == "template":
                yield message["template"]
