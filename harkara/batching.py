"""Together: what many threads bring at the same time is written in one transaction, and each hears of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from harkara.errors import Unavailable

A = TypeVar("A")
B = TypeVar("B")


@dataclass
class _Bringing(Generic[A, B]):
    what: A
    answer: B | Exception | None = None


class Batcher(Generic[A, B]):
    """Every commit waits for the disk, so that one for each would bound them all to the disk's pace; and SQLite has one
    writer, whose queue knows no order.

    Nobody waits for company: who finds the way free goes at once, and takes along all who came while it was not, up to
    `most`. `write` answers each in its place when it is durable, or raises: then none was kept.
    """

    def __init__(self, write: Callable[[Sequence[A]], Sequence[B | Exception]], most: int) -> None:
        self._write = write
        self._most = most
        self._waiting: deque[_Bringing[A, B]] = deque()
        self._turn = Lock()

    def submit(self, what: A) -> B:
        """The answer to this one. Raises what it is answered with, or what `write` raises."""
        mine = _Bringing[A, B](what)
        self._waiting.append(mine)
        while mine.answer is None:
            with self._turn:
                if mine.answer is None:
                    self._go()
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def _go(self) -> None:
        group = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        for each, answer in zip(group, self._answers([each.what for each in group]), strict=True):
            each.answer = answer

    def _answers(self, group: Sequence[A]) -> Sequence[B | Exception]:
        try:
            return self._write(group)
        except Exception as error:
            if len(group) == 1 or isinstance(error, Unavailable):
                return [error] * len(group)
            # One that the ledger cannot take must not cost the others their answer.
            return [self._answers([each])[0] for each in group]
