"""The table that `make test-hosts` writes: a run replaces the rows of the faults that it caused, and no others."""

from __future__ import annotations

import re

from tests.hosts.faults import FAULTS
from tests.hosts.table import PAGE, merged

NAMES = ["first", "second", "third"]


def rows(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| fault", "| ---"))]


def test_a_row_replaces_that_of_its_fault_and_the_others_stay_in_order() -> None:
    page = "before\n<!-- results, by make test-hosts -->\n<!-- end of results -->\nafter\n"
    page = merged(page, {"third": "| third | 1 |", "gone": "| gone | 1 |"}, [*NAMES, "gone"])
    page = merged(page, {"first": "| first | 2 |", "third": "| third | 2 |"}, NAMES)
    assert rows(page) == ["| first | 2 |", "| third | 2 |"]
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")


def test_the_page_has_a_row_for_each_fault() -> None:
    after = PAGE.read_text("utf-8").partition("<!-- results, by make test-hosts -->")[2]
    results = after.partition("<!-- end of results -->")[0]
    assert re.findall(r"^\| ([^|]+?) \| \d", results, re.MULTILINE) == [fault.name for fault in FAULTS]
