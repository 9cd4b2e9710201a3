"""Sweep: whatever a dead worker, a lost hint or the clock left behind is put where it belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, update

from harkara.ledger.callbacks.notify import tell_states
from harkara.ledger.conditions import LEASED, in_state
from harkara.ledger.contacts.contacts import forget
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.events.evidence import negative, unread
from harkara.ledger.events.store import discard
from harkara.ledger.messages.due import due_flows
from harkara.ledger.messages.record import CANCELLED_OR_UNCERTAIN, final_columns, uncertain_columns
from harkara.ledger.tables import attempt, halt, message, occasion, trace
from harkara.outcomes import Uncertain
from harkara.states import DONE, State

MAX_ROWS = 1000
"""Rows in one transaction, so that nobody waits long for the sweep."""

MAX_EVIDENCE_CHECKS = 20
"""Of those that take a look each."""

POISON_CLAIMS = 5
"""A message claimed so often without an outcome kills its workers: it fails, the others flow."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """A message whose worker went away between its POST and the record, as the policy sees it."""

    lane: str
    category: str
    resends: int
    tries: int
    seconds_left: float


Policy = Callable[[Crashed], Uncertain]


def sweep(db: Database, policy: Policy, *, retention_seconds: float | None) -> Counter[str]:
    """One round; returns how many rows each duty moved. Each is a transaction of its own; safe to run anywhere, twice.

    `retention_seconds` after a message was accepted here, its body and number are erased; None keeps them. An occasion
    that is past loses its number and parameters then too, or at once if it was cancelled or completed. An event goes,
    and who wrote and said no more for so long is forgotten.
    """
    done: Counter[str] = Counter()
    for name, work in (
        ("poison", _poison),
        ("given-back", _give_back),
        ("uncertain", lambda tx: _unanswered(tx, policy)),
        ("resent", _resend),
        ("expired", _expire),
        ("erased", lambda tx: _erase(tx, retention_seconds)),
        ("forgotten", lambda tx: _forget(tx, retention_seconds)),
        ("strangers", lambda tx: forget(tx, retention_seconds, MAX_ROWS)),
        ("events", lambda tx: discard(tx, retention_seconds)),
        ("halts", _end_halts),
    ):
        with db.write() as tx:
            done[name] = work(tx)
    return +done


def _poison(tx: Transaction) -> int:
    return change_state(
        tx,
        State.FAILED,
        select(message.c.id).where(
            LEASED, in_state(State.CLAIMED), message.c.lease_until <= tx.now, message.c.strikes >= POISON_CLAIMS
        ),
        final_columns(
            "poison",
            f"Claimed {POISON_CLAIMS} times without an outcome: look for a crash of the workers, then send it anew.",
        ),
    )


def _give_back(tx: Transaction) -> int:
    """Hints that were lost, and claims whose worker died before anything was sent."""
    lost = select(message.c.id).where(
        LEASED,
        in_state(State.QUEUED, State.CLAIMED),
        message.c.lease_until <= tx.now,
        message.c.strikes < POISON_CLAIMS,
    )
    return change_state(tx, State.WAITING, lost, {"lease_until": None}, quietly=True)


def _unanswered(tx: Transaction, policy: Policy) -> int:
    """`sending` beyond its lease: the POST may have reached Chat Mitra, nobody here knows."""
    orphans = tx.rows(
        select(message)
        .where(LEASED, in_state(State.SENDING), message.c.lease_until <= tx.now)
        .limit(MAX_ROWS)
        .with_for_update(skip_locked=True)
    )
    for row in orphans:
        left = (row["expires_at"] - tx.now).total_seconds()
        verdict = policy(Crashed(row["lane"], row["category"], row["resends"], row["tries"], left))
        one = select(message.c.id).where(
            message.c.id == row["id"], in_state(State.SENDING), message.c.epoch == row["epoch"]
        )
        if change_state(tx, State.UNCERTAIN, one, uncertain_columns(verdict, tx.now)):
            tx.execute(
                update(attempt)
                .where(attempt.c.message_id == row["id"], attempt.c.epoch == row["epoch"])
                .values(outcome="uncertain", code=verdict.code, text=verdict.reason)
            )
    return len(orphans)


def _resend(tx: Transaction) -> int:
    """Once more by policy. Where that wants evidence, it is looked for now; without any, people decide."""
    due = (in_state(State.UNCERTAIN), message.c.resend_at <= tx.now, message.c.expires_at > tx.now)
    again = {
        "resend_at": None,
        "due_at": tx.now,
        "maybe_duplicate": True,
        "resends": message.c.resends + 1,
        "code": "resend",
        "reason": "No answer came to the last try; its category's policy sends it once more, perhaps a second time.",
    }
    moved = change_state(tx, State.WAITING, select(message.c.id).where(*due, ~message.c.on_evidence), again)
    doubtful = select(message).where(*due, message.c.on_evidence).limit(MAX_EVIDENCE_CHECKS)
    for row in tx.rows(doubtful.with_for_update(skip_locked=True)):
        if not unread(tx, row):
            one = select(message.c.id).where(message.c.id == row["id"], in_state(State.UNCERTAIN))
            moved += (
                change_state(tx, State.WAITING, one, again)
                if negative(tx, row)
                else change_state(tx, State.UNCERTAIN, one, _ALONE)
            )
    return moved


_ALONE = {
    "resend_at": None,
    "code": "no-evidence",
    "reason": "No webhook shows that the last try did not arrive, so it is not sent again by itself: look whether the "
    "recipient has it, then decide with `harkara resolve`.",
}


def _expire(tx: Transaction) -> int:
    """Only what is due can be late, so the index of what is due finds it."""
    verdict = final_columns("expired", "Its deadline passed before it could be sent.")
    moved = 0
    for stream in due_flows(tx):
        late = select(message.c.id).where(
            in_state(State.WAITING),
            message.c.lane == stream.lane,
            message.c.priority == stream.priority,
            message.c.producer == stream.producer,
            message.c.due_at <= tx.now,
            message.c.expires_at <= tx.now,
        )
        moved += change_state(tx, CANCELLED_OR_UNCERTAIN, late, verdict)
    return moved


def _erase(tx: Transaction, retention_seconds: float | None) -> int:
    if retention_seconds is None:
        return 0
    old = select(message.c.id).where(
        message.c.recipient.is_not(None),
        # An uncertain message that nobody decided stays visible, but keeps neither text nor number.
        in_state(*(state for state in State if state in DONE | {State.UNCERTAIN})),
        message.c.created_at <= tx.now - timedelta(seconds=retention_seconds),
        message.c.expires_at <= tx.now,
    )
    erased: Row = {"body": None, "fallback": None, "recipient": None, "digest": None, "resend_at": None}
    return tx.execute(update(message).where(message.c.id.in_(old.limit(MAX_ROWS))).values(**erased)).rowcount


def _forget(tx: Transaction, retention_seconds: float | None) -> int:
    """Occasions that no reminder will be made of any more."""
    if retention_seconds is None:
        return 0
    past = select(occasion.c.id).where(
        occasion.c.recipient.is_not(None),
        occasion.c.at <= tx.now,
        or_(occasion.c.status != "open", occasion.c.at <= tx.now - timedelta(seconds=retention_seconds)),
    )
    erased: Row = {"recipient": None, "parameters": None}
    return tx.execute(update(occasion).where(occasion.c.id.in_(past.limit(MAX_ROWS))).values(**erased)).rowcount


def _end_halts(tx: Transaction) -> int:
    """A template's or recipient's pause that is over goes; a lane's stays until the probe has been answered."""
    return tx.execute(delete(halt).where(halt.c.scope != "lane", halt.c.until <= tx.now)).rowcount


def change_state(
    tx: Transaction, to: State | ColumnElement[str], which: Any, values: dict[str, Any], *, quietly: bool = False
) -> int:
    """Moves up to MOST rows to a state, each with its line in the trace, and tells the application."""
    moved = tx.rows(
        update(message)
        .where(message.c.id.in_(which.limit(MAX_ROWS).with_for_update(skip_locked=True)))
        .values(state=to, changed_at=tx.now, **values)
        .returning(message.c.id, message.c.state, message.c.code, message.c.reason)
    )
    if moved and not quietly:
        lines = [
            {"message_id": row["id"], "at": tx.now, "event": row["state"], "code": row["code"], "detail": row["reason"]}
            for row in moved
        ]
        tx.execute(insert(trace), lines)
        tell_states(tx, moved)
    return len(moved)
