"""The list of faults is true: each fault names existing tests, or the reason why there is none."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ROWS = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", (HERE / "FAULTS.md").read_text(), re.MULTILINE)


def test_the_faults_are_numbered_without_a_gap() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 58


def test_every_test_that_the_list_names_exists() -> None:
    tests = "\n".join(path.read_text() for path in HERE.parent.rglob("test_*.py"))
    named = {name for _, answer in ROWS for name in re.findall(r"`(test_\w+)`", answer)}
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_a_fault_without_a_test_has_a_reason() -> None:
    assert [
        number for number, answer in ROWS if "`test_" not in answer and not re.match(r"not yet: .{20,}", answer)
    ] == []
