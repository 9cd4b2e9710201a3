"""Redis' clock by the clock of this process: every answer narrows down where it stands."""

from __future__ import annotations

DRIFT = 600e-6
"""Seconds a second that the two run apart at most: quartz does 50e-6, and a clock is set right by up to 500e-6."""

VAGUE = 1e-3


class ServerClock:
    """Bounds of the server's time minus ours.

    One answer alone says no more than that the server looked at its clock between our question and its answer, which
    is long where it had much to book. Answers together say it to a fraction of a millisecond.
    """

    def __init__(self) -> None:
        self._known: tuple[float, float, float] | None = None

    def saw(self, server: float, asked: float, answered: float) -> None:
        """The server's clock showed `server` at some moment from `asked` to `answered`; all are seconds."""
        low, high = server - answered, server - asked
        if self._known:
            at, before_low, before_high = self._known
            wider = DRIFT * max(0.0, answered - at)
            narrowed = max(low, before_low - wider), min(high, before_high + wider)
            if narrowed[0] <= narrowed[1]:  # else its clock was set, or it is another server
                low, high = narrowed
        self._known = answered, low, high

    @property
    def vague(self) -> bool:
        """Whether another question would help: a slot may be a few milliseconds late and no more."""
        return self._known is None or self._known[2] - self._known[1] > VAGUE

    def here(self, server: float) -> tuple[float, float]:
        """The earliest and the latest that it can be here when it is `server` there."""
        assert self._known, "nobody has seen its clock yet"
        _, low, high = self._known
        return server - high, server - low
