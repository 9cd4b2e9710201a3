"""Dispatch: releases the messages that are due and hints them to the workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from harkara.delivery.hints import Hints
from harkara.delivery.leased_rounds import Rounds
from harkara.delivery.queue_depth import QueueDepth
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.messages.dispatch import dispatch, unqueue
from harkara.limits.limiter import Limiter

log = structlog.get_logger(__name__)

MAX_HINTS = 10_000
"""Hints in a queue at which dispatch publishes no more: workers that take none for a day would fill Redis."""


class Dispatcher:
    """Dispatches in rounds.

    `queued_seconds` is the lease of a hinted message, `depth` the most messages in a queue, and `hints_waiting` returns
    the number of hints that the workers have not taken yet. `on_dispatched` gets the (id, priority) of what a round has
    hinted, and when the round began, by `time.monotonic()`; it must not raise.
    """

    def __init__(
        self,
        db: Database,
        rounds: Rounds,
        lanes: Mapping[str, Lane],
        limiter: Limiter,
        hints: Hints,
        *,
        hints_waiting: Callable[[], int],
        queued_seconds: float,
        depth: int,
        on_dispatched: Callable[[Sequence[tuple[str, int]], float], None] = lambda hints, started: None,
    ) -> None:
        self._db = db
        self._rounds = rounds
        self._lanes = lanes
        self._limiter = limiter
        self._hints = hints
        self._hints_waiting = hints_waiting
        self._queued_seconds = queued_seconds
        self._depth = QueueDepth(depth, queued_seconds)
        self._on_dispatched = on_dispatched

    def dispatch(self, *, at_once: bool = False) -> int:
        """Hint the messages that may go now; return how many. `at_once` also runs within the current second.

        Raises Unavailable.
        """
        started = time.monotonic()
        released = dispatch(
            self._db,
            self._lanes,
            self._limiter.capacity,
            depth=self._depth.current,
            queued_seconds=self._queued_seconds,
            lease=self._rounds.lease("dispatch", at_once=at_once),
            may_hint=self._may_hint,
        )
        self.hint(released.hints)
        if released.hints:
            self._on_dispatched(released.hints, started)
        self._depth.adapt(len(released.hints), released.unclaimed)
        return len(released.hints)

    def hint(self, released: Sequence[tuple[str, int]]) -> None:
        """Publish (id, priority); a message whose hint Redis does not accept is due again at once."""
        unpublished = self._hints.publish(released)
        if unpublished:
            unqueue(self._db, unpublished)

    def _may_hint(self) -> bool:
        if (waiting := self._hints_waiting()) < MAX_HINTS:
            return True
        log.warning("dispatch paused", action="hints_full", waiting=waiting)
        return False
