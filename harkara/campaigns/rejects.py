"""The rejected rows of an audience: their number by reason, and the first of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from harkara.campaigns.audience import Reject

MOST_REJECTS: Final = 10_000
"""Rejected rows that are kept; the others are only counted."""

COLUMNS: Final = ("row", "column", "code", "rule")

T = TypeVar("T")


@dataclass
class Rejects:
    """Rejected rows as they are read. `write` gets each of them, `first` has the first `most`."""

    write: Callable[[tuple[object, ...]], None] | None = None
    most: int = MOST_REJECTS
    by_code: Counter[str] = field(default_factory=Counter)
    first: list[Reject] = field(default_factory=list)

    def record(self, rows: Iterable[T | Reject]) -> Iterator[T | Reject]:
        """Yield the rows, and record the rejected ones."""
        for row in rows:
            if isinstance(row, Reject):
                self._add(row)
            yield row

    def _add(self, reject: Reject) -> None:
        self.by_code[reject.code] += 1
        if len(self.first) < self.most:
            self.first.append(reject)
        if self.write:
            self.write(reject_cells(reject))


def reject_cells(reject: Reject) -> tuple[object, ...]:
    """Return the cells of COLUMNS."""
    return (reject.row, reject.field, reject.code, reject.rule)


def reject_rows(rejects: Rejects) -> Iterator[tuple[object, ...]]:
    """Yield the cells of the kept rows, and of a last row with the number of the others."""
    yield from map(reject_cells, rejects.first)
    if more := rejects.by_code.total() - len(rejects.first):
        yield ("", "", "more", f"{more:,} more rows were rejected")
