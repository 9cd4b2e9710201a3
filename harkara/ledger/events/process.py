"""Fold: events move the messages that they are about up the ladder; what customers wrote is heard, each time once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import literal_column, select, update

from harkara.chatmitra.webhooks import read
from harkara.errors import Unavailable
from harkara.inbound import fingerprint
from harkara.inbound.events import Event, Received, StatusChanged
from harkara.inbound.values import outline
from harkara.inbound.words import Words
from harkara.lanes import Lane
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.events.apply import climb
from harkara.ledger.events.find import Said
from harkara.ledger.events.inbound_messages import hear
from harkara.ledger.events.store import RECEIVED
from harkara.ledger.tables import event
from harkara.playbook import Playbook

log = structlog.get_logger(__name__)

BATCH = 100
"""Events of each sort in one round; those of a status share a transaction, what a customer wrote has one of its own."""

PATIENCE = (1, 1, 2, 4, 8, 15, 30, 30, 30)
"""Seconds until an event that found no message looks again: two minutes in all, in which ours must be on record."""

_NEW = event.c.state == literal_column("'new'")
"""As a literal: a bound parameter would hide the partial index."""


@dataclass(frozen=True, slots=True)
class Judges:
    """What this deployment knows and folding asks: the keys of its lanes, what codes and customers' words mean."""

    lanes: Mapping[str, Lane]
    playbook: Playbook
    words: Words


def any_due(db: Database) -> bool:
    """Whether there is anything to fold; most looks end here. Raises Unavailable."""
    with db.read() as tx:
        return tx.execute(select(event.c.id).where(_NEW, event.c.due_at <= tx.now).limit(1)).first() is not None


def fold(db: Database, judges: Judges, *, most: int = BATCH) -> Counter[str]:
    """One round; returns how many events were folded, how many wait for their message, and how many are orphans now.

    Safe to run anywhere and several times at once. Raises Unavailable: nothing is lost then.
    """
    done: Counter[str] = Counter()
    statuses, received = _due(db, most)
    for ids in [*([statuses] if statuses else []), *([one] for one in received)]:
        done += _fold_these(db, judges, ids)
    return done


def _due(db: Database, most: int) -> tuple[list[int], list[int]]:
    """The numbers of the events that are due: those of a status, and what customers wrote.

    Up to `most` of each, so that an opt-out does not wait behind all the statuses that came during an outage.
    """
    heard = event.c.about == literal_column(f"'{RECEIVED}'")
    with db.read() as tx:
        due = select(event.c.id).where(_NEW, event.c.due_at <= tx.now).order_by(event.c.due_at, event.c.id).limit(most)
        return list(tx.execute(due.where(~heard)).scalars()), list(tx.execute(due.where(heard)).scalars())


def _fold_these(db: Database, judges: Judges, ids: Sequence[int]) -> Counter[str]:
    """All of them in one transaction. When that breaks, one by one, so that a bad one stops no other."""
    try:
        with db.write() as tx:
            return _fold(tx, judges, _take(tx, ids))
    except Unavailable:
        raise
    except Exception as error:
        if len(ids) > 1:
            return sum((_fold_these(db, judges, [one]) for one in ids), Counter())
        log.error("an event cannot be folded", action="fold_failed", number=ids[0], error=type(error).__name__)
        with db.write() as tx:
            return _put_off(tx, _take(tx, ids), "unknown")


def _take(tx: Transaction, ids: Sequence[int]) -> list[Row]:
    """Those that nobody else folds just now or has folded."""
    mine = select(event).where(event.c.id.in_(ids), _NEW).order_by(event.c.id)
    return tx.rows(mine.with_for_update(skip_locked=True))


def _fold(tx: Transaction, judges: Judges, rows: Sequence[Row]) -> Counter[str]:
    batch: list[Said] = []
    for row in rows:
        match _read(row):
            case Received() as received:
                hear(tx, row, received, judges.words)
                tx.execute(update(event).where(event.c.id == row["id"]).values(state="folded"))
            case StatusChanged() as said:
                lane = judges.lanes.get(row["lane"])
                shown = fingerprint.keyed(lane.token, said.recipient, said.digest) if lane else None
                batch.append(Said(row, said, shown))
            case _:  # the release that stored it knew more
                tx.execute(update(event).where(event.c.id == row["id"]).values(state="unknown"))
    missed = climb(tx, batch, judges.playbook) if batch else []
    folded = Counter(folded=len(rows) - len(missed))
    return folded + _put_off(tx, [said.row for said in missed], "orphan")


def _read(row: Row) -> Event:
    (said,) = read(row["body"].encode(), row["received_at"])
    return said


def _put_off(tx: Transaction, rows: Sequence[Row], end: str) -> Counter[str]:
    """They look again later, until they have for long enough: then that is their end."""
    done: Counter[str] = Counter()
    by_tries: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_tries[row["tries"]].append(row)
    for tries, those in by_tries.items():
        if tries < len(PATIENCE):
            again = {"tries": tries + 1, "due_at": tx.now + timedelta(seconds=PATIENCE[tries])}
            tx.execute(update(event).where(event.c.id.in_([row["id"] for row in those])).values(**again))
            done["waiting"] += len(those)
            continue
        for row in those:
            body = row["body"] if row["about"] == RECEIVED else outline(row["body"])
            tx.execute(update(event).where(event.c.id == row["id"]).values(state=end, body=body))
        done[end] += len(those)
    return done
