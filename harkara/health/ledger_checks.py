"""Checks of the ledger: lanes, dead letters, webhooks, workers, beat and callbacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from harkara.health.check import Check
from harkara.lanes import Lane
from harkara.ledger import halts
from harkara.ledger.callbacks.dead_callbacks import count_callbacks
from harkara.ledger.contacts.contacts import any_erased
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import count_dead_letters
from harkara.ledger.events.silence import webhook_silences
from harkara.ledger.leases import seconds_since
from harkara.ledger.messages.undone import count_undone
from harkara.ledger.migrate import head, schema_state
from harkara.ledger.replication import Replication, accepts_writes, replication
from harkara.ledger.timeline import Timelines, read_timelines
from harkara.states import State

WORKERS_SECONDS: Final = 15.0
"""A worker sweeps every few seconds; an older sweep means that none lives."""

BEAT_SECONDS: Final = 60.0
"""Beat starts a heartbeat every ten seconds; an older one means that beat and the workers do not meet."""


def ledger_checks(db: Database, lanes: Mapping[str, Lane], longest_silence: float) -> Iterator[Check]:
    """Check the ledger itself and what it says of these lanes; `longest_silence` is in seconds. Raises Unavailable."""
    yield _database(db)
    if found := replication(db):
        yield _replication(found)
    if not db.sqlite:
        yield _timeline(read_timelines(db))
    if letters := count_dead_letters(db):
        sources = ", ".join(f"{number} of {source}" for source, number in sorted(letters.items()))
        yield Check(
            "dead letters", False, "%(sources)s: `harkara dead-letters list` shows the reasons", {"sources": sources}
        )
    yield from _silences(db, lanes, longest_silence)
    yield _workers(db)
    yield _beat(db)


def halt_checks(db: Database, lanes: Collection[str] | None = None) -> Iterator[Check]:
    """Report each halt of these lanes and of their templates, or of all lanes for None. Raises Unavailable."""
    for halt in halts.list_halts(db):
        if lanes is not None and halt.lane not in lanes:
            continue
        about = {"lane": halt.lane, "template": halt.template, "reason": halt.reason, "state": halt.state}
        if halt.template is None:
            yield Check(
                "lane %(lane)s",
                False,
                "the lane is %(state)s: %(reason)s (`harkara lanes unpark %(lane)s` ends it)",
                about,
            )
        else:
            yield Check(
                "lane %(lane)s",
                False,
                "%(template)s is %(state)s: %(reason)s (`harkara lanes unpark %(lane)s` ends it)",
                about,
            )


def callback_check(db: Database) -> Check:
    """Report what the application has not received. Raises Unavailable."""
    left = count_callbacks(db)
    if left["dead"]:
        return Check(
            "callbacks", False, "%(waiting)s waiting, %(dead)s dead: `harkara callbacks list` shows the reasons", left
        )
    return Check("callbacks", True, "%(waiting)s waiting, %(dead)s dead", left)


def unconfigured_checks(db: Database, lanes: Collection[str]) -> Iterator[Check]:
    """Report the messages of lanes that no worker sends for: a lane was removed or renamed. Raises Unavailable."""
    for lane, states in sorted(count_undone(db).items()):
        number = sum(states.values()) - states.get(State.UNCERTAIN, 0)
        if number and lane not in lanes:
            yield Check(
                "lane %(lane)s",
                False,
                "the lane has no token, and %(number)s of its messages wait: add it to HARKARA_LANE_TOKENS, or see "
                "`harkara cancel --lane %(lane)s --state waiting`",
                {"lane": lane, "number": number},
            )


def erasure_checks(db: Database, key: bool) -> Iterator[Check]:
    """Report that this process cannot recognize erased people who opted out. Raises Unavailable.

    Whether the `key` is the one of their erasure cannot be known: a pseudonym leads back to no number.
    """
    with db.read() as tx:
        erased = any_erased(tx)
    if erased and not key:
        yield Check(
            "erasure key",
            False,
            "erased people have opted out, and without HARKARA_ERASURE_KEY a new message to them is sent: set the key "
            "with which they were erased, for every process",
        )


def _database(db: Database) -> Check:
    state = schema_state(db)
    about = {"database": db.url.get_backend_name(), "found": state.found, "head": head()}
    if not accepts_writes(db):
        return Check(
            "database",
            False,
            "%(database)s accepts no writes: let HARKARA_DATABASE_URL lead to the primary, or end its read-only mode",
            about,
        )
    if state.is_newer:
        return Check(
            "database",
            True,
            "%(database)s, schema %(found)s of a newer release, with which this one (%(head)s) works: finish the "
            "upgrade, or the rollback",
            about,
        )
    if not db.sqlite and db.pooled():
        return Check("database", True, "%(database)s, schema of this release, through a pooler", about)
    return Check("database", True, "%(database)s, schema of this release", about)


def _replication(found: Replication) -> Check:
    about = {"names": found.standby_names, "commit": found.commit}
    if found.is_synchronous:
        return Check("standbys", True, "commits wait for %(names)s (synchronous_commit = %(commit)s)", about)
    if found.standby_names:
        return Check(
            "standbys",
            False,
            "synchronous_commit is %(commit)s: a failover may lose messages, and all lanes then wait for `harkara "
            "recover`; set it to on or remote_apply",
            about,
        )
    return Check(
        "standbys",
        False,
        "commits wait for no standby: a failover may lose messages, and all lanes then wait for `harkara recover`; set "
        "synchronous_standby_names on every server",
    )


def _timeline(found: Timelines | None) -> Check:
    if found is None:
        return Check(
            "timeline",
            True,
            "the database does not say its timeline, so a failover is not recognized: after one that may have lost "
            "commits, stop the workers and run `harkara recover`",
        )
    return Check("timeline", True, "%(timeline)s of PostgreSQL", {"timeline": found.current})


def _silences(db: Database, lanes: Mapping[str, Lane], longest: float) -> Iterator[Check]:
    for lane, silent in webhook_silences(db, lanes).items():
        if silent > longest:
            about = {"lane": lane, "seconds": round(silent)}
            yield Check(
                "webhooks of %(lane)s",
                False,
                "no webhook for %(seconds)s s after accepted messages: check address and secret",
                about,
            )


def _workers(db: Database) -> Check:
    seconds = seconds_since(db, "sweep")  # not `dispatch`: `harkara lanes unpark` does that too
    if seconds is None:
        return Check("workers", False, "no worker has ever run: run `python -m workers.worker`, or `make up`")
    about = {"seconds": round(seconds)}
    if seconds < WORKERS_SECONDS:
        return Check("workers", True, "last round %(seconds)s s ago", about)
    return Check("workers", False, "last round %(seconds)s s ago: run `python -m workers.worker`, or `make up`", about)


def _beat(db: Database) -> Check:
    seconds = seconds_since(db, "heartbeat")
    if seconds is None:
        return Check("beat", False, "no heartbeat was ever received: run `celery -A workers.sender beat`, or `make up`")
    about = {"seconds": round(seconds)}
    if seconds <= BEAT_SECONDS:
        return Check("beat", True, "last heartbeat %(seconds)s s ago", about)
    return Check(
        "beat", False, "last heartbeat %(seconds)s s ago: run `celery -A workers.sender beat`, or `make up`", about
    )
