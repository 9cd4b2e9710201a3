"""The round of alarms: measure the goals, record what was found, and hand notices to their receivers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import structlog

from harkara.alarms.receivers import Receiver
from harkara.delivery.leased_rounds import Rounds
from harkara.errors import HarkaraError, Unavailable
from harkara.goals import Goals, Reading
from harkara.ledger.alarms.notices import OpenNotice, mark_done, mark_failed, open_notices
from harkara.ledger.alarms.record import Changes, record
from harkara.ledger.database import Database

log = structlog.get_logger(__name__)

LEASE_SECONDS: Final = 300.0

NOTICES_SECONDS: Final = 120.0
"""After this time a round hands no more notices over: a receiver that does not answer takes 8 s for each of them, and
at the end of the lease another process would hand them over, too.
"""

Source = Callable[[Goals], Iterable[Reading]]
"""Measures some of the goals. Raises Unavailable when it cannot."""


class AlarmRound:
    """Measures the goals once a minute in one process; `sources` measure, and `receivers` get what opens and closes.

    The ledger is the first source: when it is away, nothing can be recorded. Once `stopped` returns True, no more
    notices are handed over.
    """

    def __init__(
        self,
        db: Database,
        rounds: Rounds,
        goals: Goals,
        sources: Sequence[Source],
        receivers: Sequence[Receiver],
        *,
        clock: Callable[[], float] = time.monotonic,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._db = db
        self._rounds = rounds
        self._goals = goals
        self._sources = sources
        self._receivers = {each.id: each for each in receivers}
        self._clock = clock
        self._stopped = stopped

    def run(self) -> Changes | None:
        """Return what changed, None if another process has the round. Raises Unavailable if the ledger is away."""
        return self._rounds.run("goals", self._round, lease_seconds=LEASE_SECONDS)

    def _round(self) -> Changes:
        changes = record(self._db, self._goals, self._measure(), list(self._receivers))
        for opened in changes.opened:
            log.error(
                "alarm opened", action="alarm_opened", alarm=opened.id, goal=opened.title, finding=opened.sentence
            )
        for closed in changes.closed:
            log.info("alarm closed", action="alarm_closed", alarm=closed.id, goal=closed.title)
        end = self._clock() + NOTICES_SECONDS
        for notice in open_notices(self._db):
            if self._clock() > end or self._stopped():
                break  # the next round continues, in another process if this one ends
            self._notify(notice)
        return changes

    def _measure(self) -> Iterator[Reading]:
        for source in self._sources:
            try:
                yield from list(source(self._goals))
            except Unavailable as error:
                # What it measures stays as it was; the goal of beat shows that Redis is away.
                log.debug("goals not measured", action="not_measured", error=str(error))

    def _notify(self, notice: OpenNotice) -> None:
        receiver = self._receivers.get(notice.receiver)
        if receiver is None or not receiver.wants(notice.event):
            mark_done(self._db, notice.id)  # the setting has changed since
            return
        problem = self._problem(receiver, notice)
        if problem is None or notice.expired:
            mark_done(self._db, notice.id)
        else:
            mark_failed(self._db, notice.id)
        if problem and (notice.tries == 0 or notice.expired):
            log.error(
                "alarm not delivered",
                action="alarm_undelivered",
                alarm=notice.alarm.id,
                receiver=receiver.name,
                reason=problem,
                tried_again=not notice.expired,
            )

    def _problem(self, receiver: Receiver, notice: OpenNotice) -> str | None:
        """Return why the receiver did not take the notice. A problem of one receiver must not stop the others."""
        try:
            taken = receiver.notify(notice.event, notice.alarm, self._goals)
        except HarkaraError as error:
            return str(error)
        except Exception as error:
            return type(error).__name__  # its text may quote the address
        return None if taken else "the service did not accept it"
