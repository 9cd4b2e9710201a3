"""The table of results in the documentation, which `make test-hosts` writes."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.promises import Verdict

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "deploy-on-several-hosts.md"
_PART = re.compile(r"(?<=<!-- results, by make test-hosts -->\n).*?(?=<!-- end of results -->)", re.DOTALL)
HEAD = (
    "fault",
    "messages",
    "lost",
    "twice in silence",
    "twice, flagged",
    "uncertain",
    "refused with 429",
    "settled after",
    "all workers send after",
)


@dataclass
class Table:
    """One row for each fault, by its name."""

    rows: dict[str, str] = field(default_factory=dict)

    def add(self, fault: str, verdict: Verdict, refused: int, settled: float, back: float) -> None:
        """Add a row. `refused` are the requests that were beyond the allowance.

        From the end of the fault, `settled` seconds later no message changes any more, and `back` seconds later every
        worker sends.
        """
        lost, silent, flagged = verdict.lost, verdict.unflagged_duplicates, verdict.flagged_duplicates
        counts = (len(each) for each in (lost, silent, flagged, verdict.uncertain))
        total = len(verdict.results) + len(verdict.missing)
        self.rows[fault] = _line((fault, total, *counts, refused, f"{settled:.0f} s", f"{back:.0f} s"))
        print(f"\n{self.rows[fault]}", flush=True)

    def write(self, faults: Sequence[str]) -> None:
        """Replace these rows in the page, if HARKARA_WRITE_FAULTS is set, as `make test-hosts` does.

        The page has the rows in the order of `faults`, and keeps those of faults that this run did not cause.
        """
        if self.rows and os.environ.get("HARKARA_WRITE_FAULTS"):
            PAGE.write_text(merged(PAGE.read_text("utf-8"), self.rows, faults), encoding="utf-8")


def merged(page: str, rows: Mapping[str, str], faults: Sequence[str]) -> str:
    """Return the page with new rows in place of the old ones of the same faults, and with this machine."""
    found = _PART.search(page)
    old = {line.split(" | ")[0].removeprefix("| "): line for line in found[0].splitlines()} if found else {}
    every = {**old, **rows}
    lines = [_line(HEAD), _line(["---"] * len(HEAD)), *(every[fault] for fault in faults if fault in every)]
    return _PART.sub("\n".join(["", _machine(), "", *lines, "", ""]), page)


def _machine() -> str:
    linux = ".".join(platform.release().split(".")[:2])
    return f"The machine: {os.cpu_count()} cores, {platform.system()} {linux}, Python {platform.python_version()}."


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
