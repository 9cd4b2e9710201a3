"""Requested audits: people ask for one, a worker runs it, and its progress and result are in the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select, update

from harkara.errors import Unavailable
from harkara.ledger.audit import Finding, Report, audit
from harkara.ledger.database import Database
from harkara.ledger.tables import audit_run
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act

LEASE_SECONDS: Final = 60.0
"""How long a worker may be silent until another one begins the audit anew. A slice takes less than a second."""

PROGRESS_SECONDS: Final = 1.0
"""Time between two writes of the progress."""


class AuditLost(Exception):
    """Another worker has begun the audit anew, because this one was silent for too long."""


class AuditStopped(Exception):
    """This worker ends, and leaves the audit to another one."""


@dataclass(frozen=True, slots=True)
class AuditStatus:
    """The audit that was requested or runs, and the last one that is done.

    `requested_at` is None without a request, `begun_at` until a worker begins it. `checked` is how many rows of `part`
    are checked. `requested_by` and `done_for` are None for the hourly audit.
    """

    requested_at: datetime | None = None
    requested_by: str | None = None
    begun_at: datetime | None = None
    part: str | None = None
    checked: int = 0
    done_at: datetime | None = None
    done_for: str | None = None
    report: Report | None = None


def request_audit(db: Database, by: Actor | None = None) -> bool:
    """Request an audit, None for the hourly one; return False if one was requested before and is not done.

    The first person who asks while the hourly audit runs is recorded as its requester. Raises Unavailable.
    """
    who: Row = {"requested_by": by.name[:60], "source": by.source} if by else {"requested_by": None, "source": None}
    with db.write() as tx:
        tx.execute(tx.insert_new(audit_run), {"id": 1})
        new: Row = {"requested_at": tx.now, "begun_at": None, "part": None, "checked": 0, "lease_until": None}
        done = audit_run.c.requested_at.is_(None)
        if tx.execute(update(audit_run).where(done).values(**who, **new)).rowcount == 1:
            return True
        if by:
            tx.execute(update(audit_run).where(audit_run.c.requested_by.is_(None)).values(**who))
        return False


def run_requested(db: Database, holder: str, stopped: Callable[[], bool] = lambda: False) -> Report | None:
    """Run the audit that was requested, unless another worker does; return None when it did not run, or has `stopped`.

    An audit that a person has requested is their act. If it fails, as it does when the database is away, the next call
    begins it anew; another worker does so LEASE_SECONDS after this one has died. Raises Unavailable.
    """
    if stopped() or not _begin(db, holder):
        return None
    try:
        report = audit(db, _Progress(db, holder, stopped))
    except AuditLost:
        return None
    except AuditStopped:
        _give_up(db, holder)
        return None
    except BaseException:
        with suppress(Unavailable):
            _give_up(db, holder)
        raise
    return report if _end(db, holder, report) else None


def audit_status(db: Database) -> AuditStatus:
    """Return the state of the audit. Raises Unavailable."""
    columns = (audit_run.c[name] for name in AuditStatus.__slots__)
    with db.read() as tx:
        row = next(iter(tx.rows(select(*columns).where(audit_run.c.id == 1))), None)
    return AuditStatus(**row | {"report": _load(row["report"])}) if row else AuditStatus()


class _Progress:
    """Writes how far the audit is, which renews the lease."""

    def __init__(self, db: Database, holder: str, stopped: Callable[[], bool]) -> None:
        self._db = db
        self._holder = holder
        self._stopped = stopped
        self._next = 0.0

    def __call__(self, part: str, checked: int) -> None:
        if self._stopped():
            raise AuditStopped
        if monotonic() < self._next:
            return
        self._next = monotonic() + PROGRESS_SECONDS
        with self._db.write() as tx:
            values = {"part": part, "checked": checked, "lease_until": tx.now + timedelta(seconds=LEASE_SECONDS)}
            if tx.execute(update(audit_run).where(*_own(self._holder)).values(**values)).rowcount != 1:
                raise AuditLost


def _begin(db: Database, holder: str) -> bool:
    with db.read() as tx:  # the common case writes nothing
        if tx.execute(select(audit_run.c.id).where(*_free(tx))).first() is None:
            return False
    with db.write() as tx:
        until = tx.now + timedelta(seconds=LEASE_SECONDS)
        values: Row = {"holder": holder, "begun_at": tx.now, "lease_until": until, "part": None, "checked": 0}
        return tx.execute(update(audit_run).where(*_free(tx)).values(**values)).rowcount == 1


def _free(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    silent = or_(audit_run.c.lease_until.is_(None), audit_run.c.lease_until <= tx.now)
    return audit_run.c.id == 1, audit_run.c.requested_at.is_not(None), silent


def _give_up(db: Database, holder: str) -> None:
    with db.write() as tx:
        tx.execute(update(audit_run).where(*_own(holder)).values(lease_until=None))


def _end(db: Database, holder: str, report: Report) -> bool:
    with db.write() as tx:
        rows = tx.rows(select(audit_run).where(*_own(holder)).with_for_update())
        for row in rows:
            values: Row = {
                "requested_at": None,
                "lease_until": None,
                "done_at": tx.now,
                "done_for": row["requested_by"],
            }
            tx.execute(update(audit_run).values(**values, report=json.dumps(asdict(report))))
            if row["requested_by"]:
                broken = [f"{finding.rule}: {finding.broken}" for finding in report.findings]
                actor = Actor(row["requested_by"], row["source"])
                record_act(tx, actor, "audit.run", "; ".join(broken) or "clean", number=report.messages)
        return bool(rows)


def _own(holder: str) -> tuple[ColumnElement[bool], ...]:
    return audit_run.c.holder == holder, audit_run.c.requested_at.is_not(None), audit_run.c.lease_until.is_not(None)


def _load(stored: str | None) -> Report | None:
    if stored is None:
        return None
    fields: dict[str, Any] = json.loads(stored)
    return Report(**fields | {"findings": [Finding(**each) for each in fields["findings"]]})
