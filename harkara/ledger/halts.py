"""Halts: lanes that are parked or whose breaker is open; templates, recipients and producers that are paused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.tables import halt, message
from harkara.outcomes import Pause
from harkara.states import State

PRODUCER = "producer"
"""The scope of a halt that holds one producer's messages, such as a campaign's."""

LONGEST_SECONDS = 300.0
"""Seconds: a breaker that opens again and again waits twice as long each time, up to this."""


@dataclass(frozen=True, slots=True)
class Halt:
    """One halt as the gates see it; `seconds` is what is left of it, None until an operator lifts it."""

    lane: str
    scope: str
    subject: str
    code: str
    reason: str
    seconds: float | None

    @property
    def probing(self) -> bool:
        """The breaker has waited long enough: one message may try."""
        return self.seconds is not None and self.seconds <= 0


def active_halts(tx: Transaction) -> list[Halt]:
    """All halts; there are few."""
    return [
        Halt(
            row["lane"],
            row["scope"],
            row["subject"],
            row["code"],
            row["reason"],
            None if row["until"] is None else (row["until"] - tx.now).total_seconds(),
        )
        for row in tx.rows(select(halt))
    ]


def list_halts(db: Database) -> list[dict[str, Any]]:
    """The halts of lanes and templates as the outside sees them, since when and until when.

    `state` is parked (until an operator lifts it), paused, or probing (over: one message may try). Raises Unavailable.
    """
    with db.read() as tx:
        shown = select(halt).where(halt.c.scope.in_(("lane", "template")))
        rows = tx.rows(shown.order_by(halt.c.lane, halt.c.subject))
        return [_shown(row, tx.now) for row in rows]


def add_halt(tx: Transaction, lane: str, pause: Pause, template: str | None = None) -> None:
    """Holds a lane or template back. A halt for good is never shortened, a running one not made longer by its echo."""
    subject = (template or "") if pause.scope == "template" else ""
    mine = (halt.c.lane == lane, halt.c.scope == pause.scope, halt.c.subject == subject)
    before = tx.execute(select(halt).where(*mine)).mappings().first()
    values: Row = {"code": pause.code, "reason": pause.reason[:1000], "since": tx.now}
    if before is None:
        until = _until(pause, 0, tx.now)
        row = values | {"lane": lane, "scope": pause.scope, "subject": subject, "until": until, "times": 1}
        tx.execute(tx.insert_new(halt), row)
        return
    runs = before["until"] is None or before["until"] > tx.now
    if runs and pause.seconds is not None:
        return
    until = _until(pause, before["times"], tx.now)
    tx.execute(update(halt).where(*mine).values(until=until, times=before["times"] + 1, **values))


def add_halts(tx: Transaction, held: Iterable[tuple[str, Pause, str | None]]) -> None:
    """The same for several, each with its lane and template.

    In one order: two who write the same ones could else wait for each other for ever. A recipient's pause is the
    message's own wait: others to the same person find out by themselves.
    """
    for lane, pause, template in sorted(held, key=lambda one: (one[0], one[1].scope, one[2] or "")):
        if pause.scope != "recipient":
            add_halt(tx, lane, pause, template)


def hold_producer(
    tx: Transaction, lane: str, producer: str, code: str, reason: str, until: datetime | None = None
) -> None:
    """Holds back what a producer has waiting, until a moment or until it is let go; replaces a hold before."""
    release_producer(tx, lane, producer)
    row = {"lane": lane, "scope": PRODUCER, "subject": producer, "code": code, "reason": reason[:1000]}
    tx.execute(insert(halt), row | {"since": tx.now, "until": until, "times": 1})


def release_producer(tx: Transaction, lane: str, producer: str) -> None:
    tx.execute(delete(halt).where(halt.c.lane == lane, halt.c.scope == PRODUCER, halt.c.subject == producer))


def end_probed_halts(tx: Transaction, lanes: Iterable[str]) -> None:
    """Chat Mitra answered for these lanes: where that was the probe, the halt is over.

    A halt that still runs is not ended by the answer to what was under way when it began; one that somebody else
    changes just now is left to him.
    """
    over = select(halt.c.lane).where(halt.c.lane.in_(sorted(lanes)), halt.c.scope == "lane", halt.c.until <= tx.now)
    free = over.with_for_update(skip_locked=True)
    tx.execute(delete(halt).where(halt.c.scope == "lane", halt.c.until <= tx.now, halt.c.lane.in_(free)))


def park(db: Database, lane: str, reason: str, code: str = "operator") -> None:
    """Stops a lane by hand: its messages wait, nothing burns."""
    with db.write() as tx:
        add_halt(tx, lane, Pause("lane", None, code, reason))


def unpark(db: Database, lane: str) -> int:
    """Lifts the halts of a lane and its templates; what they held is due now. Returns how many were lifted.

    Producers stay held: a campaign is let go by those who paused it.
    """
    with db.write() as tx:
        lifted = tx.execute(delete(halt).where(halt.c.lane == lane, halt.c.scope != PRODUCER)).rowcount
        tx.execute(
            update(message)
            .where(
                message.c.lane == lane,
                in_state(State.WAITING),
                message.c.code.in_(("template-paused", "lane-parked")),
                message.c.due_at > tx.now,
            )
            .values(due_at=tx.now)
        )
        return lifted


def _shown(row: Row, now: datetime) -> dict[str, Any]:
    until = row["until"]
    return {
        "lane": row["lane"],
        "template": row["subject"] or None,
        "state": "parked" if until is None else "paused" if until > now else "probing",
        "code": row["code"],
        "reason": row["reason"],
        "since": row["since"].isoformat(timespec="seconds"),
        "until": until and until.isoformat(timespec="seconds"),
    }


def _until(pause: Pause, times: int, now: datetime) -> datetime | None:
    if pause.seconds is None:
        return None
    longest = max(pause.seconds, LONGEST_SECONDS)
    return now + timedelta(seconds=min(longest, pause.seconds * 2**times))
