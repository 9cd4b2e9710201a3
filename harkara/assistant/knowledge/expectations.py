"""Compares what the FAQ answers with what it should: a file of questions with the expected entry of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harkara.campaigns.columns import Column, find_column
from harkara.campaigns.table import read_table
from harkara.errors import Invalid
from harkara.text_files import detect_encoding

Verdict = Literal["hit", "silent", "missed", "other", "false"]
"""The expected entry or the expected silence; no entry, another one, or one where none was expected."""


@dataclass(frozen=True, slots=True)
class ExpectedEntry:
    """A question, and the entry that answers it; None if none does."""

    question: str
    entry: str | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found for a question."""

    question: str
    expected: str | None
    found: str | None

    @property
    def verdict(self) -> Verdict:
        if self.found == self.expected:
            return "hit" if self.found else "silent"
        if self.found is None:
            return "missed"
        return "other" if self.expected else "false"


@dataclass(frozen=True, slots=True)
class Measured:
    """The verdicts of all questions."""

    judged: Sequence[Judged]

    def count(self, verdict: Verdict) -> int:
        return sum(each.verdict == verdict for each in self.judged)

    @property
    def answerable(self) -> int:
        """The number of questions that have an entry."""
        return sum(each.expected is not None for each in self.judged)

    @property
    def recall(self) -> float:
        """The share of these for which it was found, from 0 to 1."""
        return self.count("hit") / self.answerable if self.answerable else 1.0

    @property
    def false_share(self) -> float:
        """The share of the questions without an entry that were answered, from 0 to 1."""
        others = len(self.judged) - self.answerable
        return self.count("false") / others if others else 0.0


def load_expectations(path: Path) -> list[ExpectedEntry]:
    """Read a CSV file with the columns `question` and `entry`, which is empty where nothing is to be found.

    Raises Invalid, which names the file or the column.
    """
    with path.open(encoding=detect_encoding(path, "a spreadsheet and save it as CSV", "CSV UTF-8"), newline="") as file:
        table = read_table(file, ("question", "entry"))
        question, entry = (find_column(table.header, name, Column(name)) for name in ("question", "entry"))
        rows = [[*row.cells, "", ""] for row in table.below if row.cells]
        found = [ExpectedEntry(cells[question], cells[entry] or None) for cells in rows if cells[question]]
    if not found:
        raise Invalid(path.name, "has no question")
    return found


def measure(expectations: Sequence[ExpectedEntry], find: Callable[[str], str | None]) -> Measured:
    """Return the verdicts; `find` returns the id of the entry that answers a question."""
    return Measured([Judged(each.question, each.entry, find(each.question)) for each in expectations])
