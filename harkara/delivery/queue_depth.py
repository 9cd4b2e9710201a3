"""The queue depth of lanes without a limit, adapted to what the workers process."""

from __future__ import annotations

MIN_DEPTH = 500


class QueueDepth:
    """How many messages of a lane without a limit may be queued: what the workers claim well within the lease.

    A deeper queue would hold hints in Redis until they are stale. The depth doubles while the workers empty the queue
    and halves when they fall behind.
    """

    def __init__(self, maximum: int, lease_seconds: float) -> None:
        self._minimum = min(MIN_DEPTH, maximum)
        self._maximum = maximum
        self.current = max(self._minimum, min(maximum, int(400 * lease_seconds)))

    def adapt(self, released: int, unclaimed: int) -> None:
        """Adapt to one dispatch: `unclaimed` messages were still queued when it added `released`."""
        if 4 * unclaimed > 3 * self.current:
            self.current = max(self._minimum, self.current // 2)
        elif 2 * unclaimed < self.current <= 2 * released:
            self.current = min(self._maximum, 2 * self.current)
