"""The documentation's examples name what exists; tests/acceptance/test_docs.py runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harkara.catalogue import Catalogue
from harkara.lanes import QuietHours
from harkara.occasions.rules import Rules
from harkara.occasions.schedule import PlannedReminder, schedule
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


def test_the_reminder_of_the_tutorial_is_due_at_once_at_any_hour() -> None:
    rules = Rules.load(ROOT / "config" / "reminders.toml").for_kind("appointment")
    zone = ZoneInfo("Asia/Kolkata")
    midnight = datetime(2026, 11, 28, tzinfo=zone)
    for now in (midnight + timedelta(minutes=15 * quarter) for quarter in range(96)):
        results = schedule(now + timedelta(minutes=90), zone, rules, now, QuietHours(time(20), time(9), zone))
        planned = [(one.rule, one.due_at) for one in results if isinstance(one, PlannedReminder)]
        assert planned == [("-2h", now)], now


def test_every_action_that_the_documentation_explains_is_logged() -> None:
    problems = (ROOT / "docs" / "how-to" / "solve-problems.md").read_text("utf-8")
    table = problems.partition("| `action` |")[2].partition("\n\n")[0]
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]+) \|", table, re.M)))) - {"action"}
    assert len(explained) > 20
    for page in PAGES:
        explained |= set(re.findall(r"`action=(\w+)`", page.read_text("utf-8")))
    code = "".join(
        p.read_text("utf-8") for room in ("harkara", "config", "tasks", "workers") for p in (ROOT / room).rglob("*.py")
    )
    assert explained - set(re.findall(r'action="(\w+)"', code)) == set()


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
