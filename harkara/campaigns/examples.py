"""Examples of what a file gives: the first ones, and the longest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from harkara.campaigns.audience import Reject

FIRST = 3

T = TypeVar("T")


@dataclass
class Examples(Generic[T]):
    """The first of what is recorded, the one with the largest `length`, and the number of all."""

    length: Callable[[T], int]
    first: list[T] = field(default_factory=list)
    longest: T | None = None
    number: int = 0
    _most: int = -1

    def record(self, rows: Iterable[T | Reject]) -> Iterator[T | Reject]:
        """Yield the rows, and record those that are not rejected."""
        for row in rows:
            if not isinstance(row, Reject):
                self._add(row)
            yield row

    def chosen(self) -> Iterator[tuple[T, bool]]:
        """Yield the examples, each once, and whether it is the longest."""
        yield from ((each, each is self.longest) for each in self.first)
        if self.longest is not None and not any(each is self.longest for each in self.first):
            yield self.longest, True

    def _add(self, row: T) -> None:
        self.number += 1
        if len(self.first) < FIRST:
            self.first.append(row)
        if (length := self.length(row)) > self._most:
            self.longest, self._most = row, length
