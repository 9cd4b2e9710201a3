"""Batching: writes that callers submit at the same time go into one transaction."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from harkara.errors import stops_all

A = TypeVar("A")
B = TypeVar("B")


@dataclass
class _Submission(Generic[A, B]):
    item: A
    answer: B | Exception | None = None


class Batcher(Generic[A, B]):
    """Writes items in batches, in the callers' own threads.

    Every commit waits for the disk, so one commit for each item would limit all callers to the disk's speed; and
    SQLite has one writer, whose lock is granted in no order.

    No caller waits for others to arrive: the first writes at once, and the next writes all items that arrived
    meanwhile, up to `batch_size`. `write` returns an answer for each item in its place once it is durable, or raises
    if it stored none of them.
    """

    def __init__(self, write: Callable[[Sequence[A]], Sequence[B | Exception]], batch_size: int) -> None:
        self._write = write
        self._batch_size = batch_size
        self._submissions: deque[_Submission[A, B]] = deque()
        self._lock = Lock()

    def submit(self, item: A) -> B:
        """Write the item and return its answer. Raises the exception that `write` answered or raised for it."""
        mine = _Submission[A, B](item)
        self._submissions.append(mine)
        while mine.answer is None:
            with self._lock:
                if mine.answer is None:
                    self._write_batch()
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def _write_batch(self) -> None:
        batch = [self._submissions.popleft() for _ in range(min(self._batch_size, len(self._submissions)))]
        for each, answer in zip(batch, self._answers([each.item for each in batch]), strict=True):
            each.answer = answer

    def _answers(self, items: Sequence[A]) -> Sequence[B | Exception]:
        try:
            return self._write(items)
        except Exception as error:
            if len(items) == 1 or stops_all(error):
                return [error] * len(items)
            # An item that the ledger cannot store must not cost the others their answer.
            return [self._answers([item])[0] for item in items]
