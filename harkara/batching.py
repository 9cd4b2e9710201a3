"""Batching: writes that the requests of an event loop submit at the same time go into one transaction."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from harkara.errors import stops_all

A = TypeVar("A")
B = TypeVar("B")


class Batcher(Generic[A, B]):
    """Writes items in batches, one batch at a time, in a thread of the event loop's executor.

    Every commit waits for the disk, so one commit for each item would limit all requests to the disk's speed; and
    SQLite has one writer, whose lock is granted in no order. One thread for each batch also costs a fraction of one
    for each request.

    No item waits for others to arrive: the first is written at once, and the next batch has all items that arrived
    meanwhile, up to `batch_size`. `write` returns an answer for each item in its place once it is durable, or raises
    if it stored none of them. An item whose request is cancelled is written nevertheless.
    """

    def __init__(self, write: Callable[[Sequence[A]], Sequence[B | Exception]], batch_size: int) -> None:
        self._write = write
        self._batch_size = batch_size
        self._waiting: deque[tuple[A, asyncio.Future[B]]] = deque()
        self._writing = False

    async def submit(self, item: A) -> B:
        """Write the item and return its answer. Raises the exception that `write` answered or raised for it."""
        answer: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if not self._writing:
            self._write_next()
        return await answer

    def _write_next(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(self._batch_size, len(self._waiting)))]
        self._writing = bool(batch)
        if batch:
            items = [item for item, _ in batch]
            written = asyncio.get_running_loop().run_in_executor(None, self._answers, items)
            written.add_done_callback(partial(self._answer, [waiting for _, waiting in batch]))

    def _answer(self, requests: Sequence[asyncio.Future[B]], written: asyncio.Future[Sequence[B | Exception]]) -> None:
        self._write_next()  # first, so that the next commit waits for the disk while these requests are answered
        for request, answer in zip(requests, written.result(), strict=True):
            if request.done():  # it was cancelled
                continue
            if isinstance(answer, Exception):
                request.set_exception(answer)
            else:
                request.set_result(answer)

    def _answers(self, items: Sequence[A]) -> Sequence[B | Exception]:
        try:
            return self._write(items)
        except Exception as error:
            if len(items) == 1 or stops_all(error):
                return [error] * len(items)
            # An item that the ledger cannot store must not cost the others their answer.
            return [self._answers([item])[0] for item in items]
