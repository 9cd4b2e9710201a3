"""What a page of the documentation says that a command prints, compared with what it prints."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.waiting import wait_until


def check_printed(expected: str, printed: str, again: Callable[[], str], place: str) -> None:
    """Compare what a page shows with what is printed, at first or when the command runs again within a minute.

    `…` stands for any text in its line, or for any lines if it is the only one. Ids, times and spaces may differ.
    """
    latest = [printed]

    def matches() -> bool:
        if shows(latest[-1], expected):
            return True
        latest.append(again())
        return False

    wait_until(matches, 60, f"{place} is what is printed", details=lambda: settled(latest[-1]), interval=1)


def shows(printed: str, expected: str) -> bool:
    """Whether the expected lines follow each other in what was printed; `check_printed` says what may differ."""
    lines = "".join(map(line_pattern, settled(expected).splitlines()))
    return re.search(f"^{lines}", settled(printed), re.M) is not None


def line_pattern(line: str) -> str:
    return r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, re.split(" ?… ?", line))) + r"\n"


def settled(text: str) -> str:
    """The text with one word for each id and each time, and one space between words."""
    text = re.sub(r"job_[0-9a-f]{8,}", "JOB", text)
    zone = r"( ?[A-Z]{3,4}\b| ?[+-]\d\d:?\d\d)?"
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?" + zone, "TIME", text)
    return "".join(f"{' '.join(line.split())}\n" for line in text.strip().splitlines())
