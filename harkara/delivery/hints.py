"""Hints: ids on their way to the workers; a lost one is found by the sweep, a doubled one meets a claim that fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog

from harkara.errors import Unavailable

log = structlog.get_logger(__name__)

URGENT = 1
"""Codes and replies travel in a queue of their own, which every worker looks into first."""


class Publish(Protocol):
    """Puts one chunk of ids into Redis; raises Unavailable when Redis does not take it in time."""

    def __call__(self, ids: Sequence[str], *, urgent: bool) -> None: ...


class Hints:
    """Cuts ids into chunks of `size` and publishes them."""

    def __init__(self, publish: Publish, size: int) -> None:
        self._publish = publish
        self._size = size

    def give(self, released: Iterable[tuple[str, int]]) -> list[str]:
        """Publishes (id, priority) in order; returns the ids that Redis did not take."""
        released = list(released)
        for urgent in (True, False):
            ids = [identity for identity, priority in released if (priority <= URGENT) == urgent]
            for start in range(0, len(ids), self._size):
                try:
                    self._publish(ids[start : start + self._size], urgent=urgent)
                except Unavailable as error:
                    log.warning("Redis does not take hints", action="hint_failed", error=str(error))
                    return ids[start:] + [i for i, priority in released if urgent and priority > URGENT]
        return []
