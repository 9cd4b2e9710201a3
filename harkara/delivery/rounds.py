"""Rounds: what has to be done every second so that nothing stands still; beat rings for it, as does every worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import wraps
from threading import Event, Thread
from time import monotonic

import structlog

from harkara.delivery.hints import Hints
from harkara.delivery.sender import Leases
from harkara.errors import Unavailable
from harkara.lanes import Lane
from harkara.ledger.campaigns.housekeeping import keep
from harkara.ledger.database import Database
from harkara.ledger.leases import lease
from harkara.ledger.messages.dispatch import dispatch, unqueue
from harkara.ledger.occasions.commands import BATCH_SIZE, rederive
from harkara.ledger.sweep import Policy, sweep
from harkara.limits import Limiter
from harkara.occasions import ReminderPlan

log = structlog.get_logger(__name__)

DISPATCH_SECONDS = 1.0
SWEEP_SECONDS = 1.0
DERIVE_SECONDS = 60.0
CAMPAIGNS_SECONDS = 2.0
DUTY_LEASE_SECONDS = 10.0
DERIVE_LEASE_SECONDS = 25.0
"""One round takes no longer; what it leaves is taken by the next."""


class Rounds:
    """Dispatch, sweep, campaigns and the deriving of reminders under their duties; `holder` names this process."""

    def __init__(
        self,
        db: Database,
        lanes: Mapping[str, Lane],
        limiter: Limiter,
        hints: Hints,
        policy: Policy,
        plan: ReminderPlan,
        *,
        holder: str,
        leases: Leases,
        depth: int,
        deadlines: Mapping[str, float],
        retention_seconds: float | None,
        swept: Callable[[Counter[str]], None],
    ) -> None:
        self._db = db
        self._lanes = lanes
        self._limiter = limiter
        self._hints = hints
        self._policy = policy
        self._plan = plan
        self._holder = holder
        self._leases = leases
        self._depth = Depth(depth, leases.queued)
        self._deadlines = deadlines
        self._retention = retention_seconds
        self._swept = swept

    def dispatch(self, *, at_once: bool = False) -> int:
        """Hints what may go now; returns how many. `at_once` does not wait for the next second to begin."""
        pause = 0.0 if at_once else 0.8 * DISPATCH_SECONDS
        with lease(self._db, "dispatch", self._holder, lease_seconds=DUTY_LEASE_SECONDS, every_seconds=pause) as mine:
            if not mine:
                return 0
            released = dispatch(
                self._db, self._lanes, self._limiter.capacity, depth=self._depth.now, queued_seconds=self._leases.queued
            )
            self.hint(released.hints)
            self._depth.learn(len(released.hints), released.unclaimed)
            return len(released.hints)

    def hint(self, released: list[tuple[str, int]]) -> None:
        """Hands ids to the workers; what Redis does not take is due again at once."""
        left = self._hints.give(released)
        if left:
            unqueue(self._db, left)

    def sweep(self) -> Counter[str]:
        """Puts right what was left behind; returns how many rows each duty moved."""
        pause = 0.8 * SWEEP_SECONDS
        with lease(self._db, "sweep", self._holder, lease_seconds=DUTY_LEASE_SECONDS, every_seconds=pause) as mine:
            moved = sweep(self._db, self._policy, retention_seconds=self._retention) if mine else Counter[str]()
        if moved:
            log.info("swept", action="swept", **moved)
        self._swept(moved)
        return moved

    def derive(self) -> int:
        """Brings the reminders of occasions in line with rules that were edited; returns of how many occasions."""
        pause, end, derived = 0.8 * DERIVE_SECONDS, monotonic() + DERIVE_LEASE_SECONDS, 0
        with lease(
            self._db, "derive", self._holder, lease_seconds=2 * DERIVE_LEASE_SECONDS, every_seconds=pause
        ) as mine:
            more = mine
            while more and monotonic() < end:
                batch = rederive(self._db, self._plan, self._deadlines)
                derived += batch
                more = batch == BATCH_SIZE
        if derived:
            log.info("reminders follow other rules now", action="derived", occasions=derived)
        return derived

    def campaigns(self) -> Counter[str]:
        """Starts, pauses and finishes campaigns; returns how many."""
        pause = 0.8 * CAMPAIGNS_SECONDS
        with lease(self._db, "campaigns", self._holder, lease_seconds=DUTY_LEASE_SECONDS, every_seconds=pause) as mine:
            moved = keep(self._db) if mine else Counter[str]()
        if moved:
            log.info("campaigns moved", action="campaigns", **moved)
        return moved


class Depth:
    """How many messages of a lane without a limit may be queued: what the workers take well within the lease.

    More would lie in Redis until their hints are stale. It doubles while they empty it, and halves when they lag.
    """

    LEAST = 500

    def __init__(self, most: int, lease_seconds: float) -> None:
        self._least = min(self.LEAST, most)
        self._most = most
        self.now = max(self._least, min(most, int(400 * lease_seconds)))

    def learn(self, released: int, left: int) -> None:
        """`left` is what the workers had not taken within a round, before as much as `released` came on top."""
        if 4 * left > 3 * self.now:
            self.now = max(self._least, self.now // 2)
        elif 2 * left < self.now <= 2 * released:
            self.now = min(self._most, 2 * self.now)


class PeriodicThread:
    """A thread that makes the rounds in every worker, so that beat is no single point of failure."""

    def __init__(self, *rounds: Callable[[], object]) -> None:
        self._rounds = rounds
        self._stop = Event()
        self._thread = Thread(target=self._run, name="ringer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.wait(DISPATCH_SECONDS):
            for round_ in self._rounds:
                self._make(round_)

    def _make(self, round_: Callable[[], object]) -> None:
        try:
            round_()
        except Unavailable as error:
            log.warning("a round was left out", action="round_failed", round=_name(round_), error=str(error))
        except Exception:
            # Whatever it is: the next round must still be made, or everything stands still.
            log.exception("a round broke", action="round_broke", round=_name(round_))


def every(seconds: float, round_: Callable[[], object]) -> Callable[[], object]:
    """The round, made at once and then again so many seconds after it last succeeded."""
    due = monotonic()

    @wraps(round_)
    def when_due() -> None:
        nonlocal due
        if monotonic() >= due:
            round_()
            due = monotonic() + seconds

    return when_due


def _name(round_: Callable[[], object]) -> str:
    return getattr(round_, "__name__", "round")
