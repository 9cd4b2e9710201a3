"""Hints: the ids that workers should send now.

The sweep replaces a lost hint; a duplicate hint finds nothing to claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog

from harkara.errors import Unavailable

log = structlog.get_logger(__name__)

URGENT = 1
"""The last priority that is urgent. Urgent hints have their own queue, which every worker reads first."""


class PublishChunk(Protocol):
    """Publishes one chunk of ids to Redis. Raises Unavailable when Redis does not accept it in time."""

    def __call__(self, ids: Sequence[str], *, urgent: bool) -> None: ...


class Hints:
    """Publishes ids in chunks of `size`."""

    def __init__(self, publish: PublishChunk, size: int) -> None:
        self._publish = publish
        self._size = size
        self._refused = False

    def publish(self, released: Iterable[tuple[str, int]]) -> list[str]:
        """Publish (id, priority) in order, urgent ones first; return the ids that were not published.

        Never raises, since the messages are kept and dispatch finds them a second later.
        """
        released = list(released)
        for urgent in (True, False):
            ids = [identity for identity, priority in released if (priority <= URGENT) == urgent]
            for start in range(0, len(ids), self._size):
                try:
                    self._publish(ids[start : start + self._size], urgent=urgent)
                except Exception as error:
                    self._log_once(error)
                    return ids[start:] + [i for i, priority in released if urgent and priority > URGENT]
                self._refused = False
        return []

    def _log_once(self, error: Exception) -> None:
        """Log the first refusal after a success: dispatch tries again every second. Only our own texts are safe."""
        if not self._refused:
            reason = str(error) if isinstance(error, Unavailable) else type(error).__name__
            log.warning("hints not published", action="hint_failed", error=reason)
        self._refused = True
