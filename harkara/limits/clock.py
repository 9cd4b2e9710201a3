"""The offset between Redis' clock and the clock of this process, bounded by every answer of Redis."""

from __future__ import annotations

DRIFT = 600e-6
"""The most that the two clocks drift apart, in seconds a second.

A quartz drifts by 50e-6, and the correction of a clock by NTP adds up to 500e-6.
"""

MAX_UNCERTAINTY = 1e-3
"""Seconds."""


class ServerClock:
    """Lower and upper bounds of the server's time minus the time of this process.

    One answer bounds the offset by its round trip only, since the server reads its clock at some moment in it. A call
    that books many slots has a long round trip. The bounds of several answers together are a fraction of a millisecond
    apart.
    """

    def __init__(self) -> None:
        self._bounds: tuple[float, float, float] | None = None

    def observe(self, server_time: float, requested_at: float, answered_at: float) -> None:
        """Narrow the bounds: the server read `server_time` between `requested_at` and `answered_at`, all in seconds."""
        low, high = server_time - answered_at, server_time - requested_at
        if self._bounds:
            at, before_low, before_high = self._bounds
            drift = DRIFT * max(0.0, answered_at - at)
            narrowed = max(low, before_low - drift), min(high, before_high + drift)
            if narrowed[0] <= narrowed[1]:  # otherwise the clock was set, or another server answered
                low, high = narrowed
        self._bounds = answered_at, low, high

    @property
    def uncertain(self) -> bool:
        """Whether the bounds are further apart than a slot may be late."""
        return self._bounds is None or self._bounds[2] - self._bounds[1] > MAX_UNCERTAINTY

    def local(self, server_time: float) -> tuple[float, float]:
        """Return the earliest and the latest time of this process at which the server's clock shows `server_time`."""
        assert self._bounds, "observe an answer of the server first"
        _, low, high = self._bounds
        return server_time - high, server_time - low
