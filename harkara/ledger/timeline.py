"""The timeline of PostgreSQL: a new one shows a promoted standby or a restored backup, which may lack commits."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, NamedTuple, cast

from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harkara.ledger.halts import add_halt
from harkara.ledger.restore import FAILOVER, LACKS_POSTS, RESTORED, lanes_to_recover
from harkara.ledger.tables import attempt, identity
from harkara.ledger.transaction import Transaction
from harkara.outcomes import Pause

CURRENT: Final = "left(pg_walfile_name(pg_current_wal_lsn()), 8)"
"""SQL of the timeline of a server that accepts writes. It is the beginning of the name of each file of its write-ahead
log, eight hexadecimal digits (PostgreSQL documentation, "WAL Internals").
"""

_REFUSALS: Final = ("0A", "42", "55", "XX")
"""Classes of the SQLSTATEs with which a server refuses CURRENT: a managed service has no such log, or the user no right
to call the functions.
"""

_UNKNOWN: Final = (
    "PostgreSQL has another timeline: a standby was promoted, or a backup was restored. Redis does not know the last "
    "POSTs, so some may be missing. Stop the workers and run `harkara recover`, which finds the messages that may have "
    "been sent."
)


class BegunPost(NamedTuple):
    """The id of a message, and when its attempt began.

    On a server that has lost the claim as well, another attempt may have the same epoch.
    """

    message: str
    began: datetime


class Timelines(NamedTuple):
    """The timeline of the server, and the one on which the ledger was last known to have every POST."""

    current: str
    stored: str | None


class Settled(NamedTuple):
    """The lanes that were parked because POSTs are missing, and whether lanes wait for `harkara recover`."""

    parked: list[str]
    waiting: bool


def read_timelines(db: Database) -> Timelines | None:
    """Return the timelines; None on SQLite and where the server does not say its timeline. Raises Unavailable."""
    if db.has_timeline is False:
        return None
    with db.read() as tx:
        try:
            current = tx.execute(text(f"SELECT CASE WHEN NOT pg_is_in_recovery() THEN {CURRENT} END")).scalar()
        except DBAPIError as error:
            if not (getattr(error.orig, "sqlstate", None) or "").startswith(_REFUSALS):
                raise
            db.has_timeline = False
            return None
        if current is None:
            raise Unavailable("the database is read-only now and accepts no writes")
        db.has_timeline = True
        return Timelines(current, tx.execute(select(identity.c.timeline)).scalar())


def settle_timeline(
    db: Database, timeline: str, posts: Iterable[BegunPost], lanes: Collection[str], *, known: bool
) -> Settled:
    """Store the timeline of the server, and park the lanes if POSTs may be missing.

    They are missing if the ledger lacks one of `posts`, the last POST of each process. They may be missing if the
    timeline is new and `posts` are not `known` to be all. Raises Unavailable, also if the server has another timeline.
    """
    with db.write() as tx:
        stored = tx.execute(select(identity.c.timeline).with_for_update()).scalar()
        if tx.execute(text(f"SELECT {CURRENT}")).scalar() != timeline:
            raise Unavailable("the database was replaced by another server just now")
        problem = _problem(tx, list(posts), new=stored not in (None, timeline), known=known)
        waiting = lanes_to_recover(tx)
        parked = sorted(set(lanes) - waiting) if problem else []
        for lane in parked:
            add_halt(tx, lane, cast(Pause, problem))
        _store(tx, timeline)
    return Settled(parked, bool(waiting or parked))


def store_timeline(db: Database) -> None:
    """Store the timeline of the server, whose ledger counts as complete now. Raises Unavailable."""
    if found := read_timelines(db):
        with db.write() as tx:
            _store(tx, found.current)


def _problem(tx: Transaction, posts: list[BegunPost], *, new: bool, known: bool) -> Pause | None:
    if posts and _lacks_one(tx, posts):
        return Pause("lane", None, FAILOVER if new else RESTORED, LACKS_POSTS)
    return Pause("lane", None, FAILOVER, _UNKNOWN) if new and not known else None


def _lacks_one(tx: Transaction, posts: list[BegunPost]) -> bool:
    ids = [post.message for post in posts]
    found = tx.load(BegunPost, select(attempt.c.message_id, attempt.c.started_at).where(attempt.c.message_id.in_(ids)))
    return not set(found).issuperset(posts)


def _store(tx: Transaction, timeline: str) -> None:
    tx.execute(update(identity).where(identity.c.timeline.is_distinct_from(timeline)).values(timeline=timeline))
