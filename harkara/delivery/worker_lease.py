"""The lease of a worker process: while it lasts, no other worker takes away what this one is sending."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from harkara.ledger.database import Database
from harkara.ledger.workers import remove_worker, renew_worker

LEASE_SECONDS = 10.0
"""From a renewal to the moment at which the worker counts as dead; the schedule renews every 2 to 3 seconds."""

MARGIN_SECONDS = 1.0
"""How much earlier the worker itself counts its lease as over: its clock and the database's may run differently."""

GAP_SECONDS = 5.0
"""A process that has not reached the database for longer judges no other one.

In a shorter outage no lease of a living worker can run out, since at least 7 s of it are left.
"""

SETTLE_SECONDS = 5.0
"""How long it judges none after such a gap, or after its start: the living workers renew their leases meanwhile."""


class Witness:
    """Decides whether a lease that ran out shows a dead worker, from the database's times of this process' renewals.

    After an outage of the database, a pause of the host or a jump of the database's clock, the leases of living workers
    have run out, too. This process then has a gap in its own renewals, and lets the others renew first.
    """

    def __init__(self) -> None:
        self._seen: tuple[datetime, datetime] | None = None

    def observe(self, now: datetime) -> None:
        """Note that this process reached the database at its time `now`."""
        since = self._seen[0] if self._seen and self._is_near(now) else now
        self._seen = since, now

    def is_reliable(self, now: datetime) -> bool:
        """Whether this process has reached the database for a while without a gap, up to its time `now`."""
        seen = self._seen
        return seen is not None and self._is_near(now) and now - seen[0] >= timedelta(seconds=SETTLE_SECONDS)

    def _is_near(self, now: datetime) -> bool:
        return self._seen is not None and abs(now - self._seen[1]) <= timedelta(seconds=GAP_SECONDS)


class WorkerLease:
    """The lease of this process. `name` is unique to it; `plain_name` is that of attempts without a lease."""

    def __init__(self, db: Database, name: str, plain_name: str) -> None:
        self._db = db
        self._name = name
        self._plain_name = plain_name
        self._until = 0.0
        self._witness = Witness()

    def renew(self) -> None:
        """Renew the lease. Raises Unavailable."""
        before = time.monotonic()
        self._witness.observe(renew_worker(self._db, self._name, LEASE_SECONDS))
        self._until = before + LEASE_SECONDS - MARGIN_SECONDS

    def name_until(self, moment: float) -> str:
        """Return the name for an attempt whose first byte leaves by `moment`, a `time.monotonic()`.

        It is the plain name when the lease may end earlier. The sweep then waits for the lease of the message, which
        covers the whole POST.
        """
        return self._name if moment < self._until else self._plain_name

    def may_judge(self, now: datetime) -> bool:
        """Whether this process, at the database's time `now`, may take messages away from workers without a lease."""
        return self._witness.is_reliable(now)

    def end(self) -> None:
        """Forget the lease when nothing is being sent any more. Raises Unavailable."""
        remove_worker(self._db, self._name)
