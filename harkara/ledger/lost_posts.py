"""Lost POSTs: park the lanes when the ledger lacks POSTs that were made, or may lack them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import exists, func, select

from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harkara.ledger.halts import FAILOVER, RESTORED, add_halt
from harkara.ledger.restore import LACKS_POSTS, lanes_to_recover
from harkara.ledger.tables import attempt, process
from harkara.ledger.timeline import timelines_of, write_timeline
from harkara.ledger.transaction import Transaction
from harkara.outcomes import Pause

FORGET_SECONDS: Final = 3600
"""A POST is forgotten when a later one of another process is this much younger: a ledger without it lacks both."""

_NOTING_REVISION: Final = "0036"
"""The newest migration of the first release whose workers note their POSTs in Redis."""

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


class Settled(NamedTuple):
    """The lanes that were parked because POSTs are missing, and whether lanes wait for `harkara recover`."""

    parked: list[str]
    waiting: bool


def settle_timeline(
    db: Database,
    timeline: str,
    posts: Iterable[BegunPost],
    lanes: Collection[str],
    *,
    known: bool,
    history_seconds: float | None = None,
) -> Settled:
    """Store the timeline of the server, and park the lanes if POSTs may be missing.

    They are missing if the ledger lacks one of `posts`, the last POST of each process. They may be missing if the
    timeline is new and `posts` are not `known` to be all, or a process of an earlier release has run, which notes none.
    A POST before the history, which may have been deleted with its message, is not missing.

    Raises Unavailable, also if the server has another timeline.
    """
    with db.write() as tx:
        found = timelines_of(tx)
        if found.current != timeline:
            raise Unavailable("the database was replaced by another server just now")
        problem = _problem(tx, _undeleted(posts, history_seconds, tx.now), new=found.new, known=known)
        waiting = lanes_to_recover(tx)
        parked = []
        if problem:
            parked = sorted(set(lanes) - waiting)
            for lane in parked:
                add_halt(tx, lane, problem)
        write_timeline(tx, timeline)
    return Settled(parked, bool(waiting or parked))


def _undeleted(posts: Iterable[BegunPost], history_seconds: float | None, now: datetime) -> list[BegunPost]:
    if history_seconds is None:
        return list(posts)
    return [post for post in posts if post.began > now - timedelta(seconds=history_seconds)]


def _problem(tx: Transaction, posts: list[BegunPost], *, new: bool, known: bool) -> Pause | None:
    if posts and _lacks_one(tx, posts):
        return Pause("lane", None, FAILOVER if new else RESTORED, LACKS_POSTS)
    if new and (not known or _earlier_release_ran(tx)):
        return Pause("lane", None, FAILOVER, _UNKNOWN)
    return None


def _lacks_one(tx: Transaction, posts: list[BegunPost]) -> bool:
    ids = [post.message for post in posts]
    found = tx.load(BegunPost, select(attempt.c.message_id, attempt.c.started_at).where(attempt.c.message_id.in_(ids)))
    return not set(found).issuperset(posts)


def _earlier_release_ran(tx: Transaction) -> bool:
    """Return whether a process runs a release that notes no POSTs, or has ended recently without a shutdown."""
    recently = process.c.seen_at > tx.now - timedelta(seconds=FORGET_SECONDS)
    earlier = func.coalesce(process.c.revision, "") < _NOTING_REVISION
    return bool(tx.execute(select(exists().where(recently, earlier))).scalar())
