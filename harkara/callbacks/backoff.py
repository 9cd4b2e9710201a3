"""Trust in the application: how many callbacks it is brought at once, and how long it is left alone after failures."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from threading import Lock

from harkara.ledger.callbacks.outbox import Delivered, Untried, Verdict

MOST = 32
"""Callbacks in one batch."""

IN_A_ROW = 3
"""So many failures without a success between them are the application's, not those of one callback."""

LONGEST_PAUSE = 30.0
"""Seconds between two probes of an application that takes nothing."""

LONGEST_WISH = 3600.0
"""Seconds that it is left alone at its own wish."""


class Trust:
    """Grows and falls with the verdicts of one batch after the other; many threads may `learn` at once.

    An application that fails gets one callback at a time, with pauses that double; one that takes them again gets
    twice as many with every batch.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._most = MOST
        self._failures = 0
        self._wish = 0.0
        self._pause = 0.0
        self._quiet_until = 0.0
        self.reason = ""

    @property
    def room(self) -> int:
        """How many may be brought now; 0 while it is left alone."""
        return self._most if self._clock() >= self._quiet_until else 0

    @property
    def lost(self) -> bool:
        return self._failures >= IN_A_ROW

    @property
    def shaken(self) -> bool:
        """Whether the rest of the batch had better wait."""
        return self.lost or self._wish > 0

    @property
    def hopeless(self) -> bool:
        """Whether it has failed for about a minute."""
        return self._pause >= LONGEST_PAUSE

    def learn(self, verdict: Verdict, wish: float = 0.0) -> None:
        """`wish` is for how many seconds the application, or the configuration, wants no callback at all."""
        with self._lock:
            self._wish = max(self._wish, min(wish, LONGEST_WISH))
            if isinstance(verdict, Delivered):
                self._failures = 0
            elif not isinstance(verdict, Untried):
                self._failures += 1
                self.reason = verdict.reason

    def rest(self) -> None:
        """After a batch: says how the next one begins."""
        with self._lock:
            self._pause = min(LONGEST_PAUSE, max(1.0, 2 * self._pause)) if self.lost else 0.0
            self._most = 1 if self.lost else min(MOST, 2 * self._most)
            self._quiet_until = self._clock() + max(self._wish, self._pause * random.uniform(1.0, 1.2))
            self._wish = 0.0
