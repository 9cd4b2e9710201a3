"""Accept: store new messages in the ledger; once this commits, they are not lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, or_, select

from harkara.errors import Conflict, Invalid
from harkara.ledger.contacts.consent import cancel_unwanted
from harkara.ledger.contacts.contacts import load_opted_out
from harkara.ledger.database import Database
from harkara.ledger.messages.due import find_obstacles
from harkara.ledger.messages.insert_rows import NewMessage, insert_messages, message_row
from harkara.ledger.messages.insert_unopposed import insert_unopposed
from harkara.ledger.messages.trace import add_trace
from harkara.ledger.tables import alias, message
from harkara.ledger.transaction import Transaction
from harkara.messages import Envelope
from harkara.receipt import Receipt
from harkara.states import State

URGENT = 0
"""The priority that is hinted to the workers at once, even before a backlog."""

MAX_DIRECT_HINTS = 50
"""Up to this many messages in one call are hinted at once if no backlog waits before them; more go by dispatch."""


class AcceptResult(NamedTuple):
    """An answer for each envelope, in order, and the (id, priority) of those that may be hinted to a worker now."""

    answers: list[Receipt | Conflict | Invalid]
    hints: list[tuple[str, int]]


def accept(
    db: Database,
    envelopes: Sequence[Envelope],
    *,
    deadlines: Mapping[str, float],
    queued_seconds: float,
    keep_refused: bool = False,
    direct_hints: bool = True,
) -> AcceptResult:
    """Store all of them, or none if this raises.

    `deadlines` gives, by category, the seconds after which a message without `expires` is no longer worth sending.
    A reference that belongs to another content is answered with Conflict; an expired message, and one that its
    recipient refuses, with Invalid. The others are stored. With `keep_refused`, for a caller that is gone, messages of
    the last two kinds are stored as well and end as `cancelled`. Without `direct_hints` there are no hints.

    Raises Unavailable; a repeated call stores nothing twice.
    """
    now = db.now()
    late = set() if keep_refused else {each.id for each in envelopes if each.expires and each.expires <= now}
    all_rows = [message_row(each, now, deadlines) for each in envelopes]
    rows = [row for row in all_rows if row["id"] not in late]
    hinted = direct_hints and len(rows) <= MAX_DIRECT_HINTS
    lease = now + timedelta(seconds=queued_seconds) if hinted else None
    states = insert_unopposed(db, rows, now, lease)
    opposed = [row for row in rows if row["id"] not in states]
    known = _load_known(db, opposed)
    objections: dict[str, str] = {}
    if unknown := [row for row in opposed if _find(known, row) is None]:
        more, objections = _store_opposed(db, unknown, lease, keep_refused=keep_refused)
        states |= more
        known |= _load_known(db, [row for row in unknown if row["id"] not in more])
    answers = {row["id"]: _answer(row, states, known, objections) for row in rows}
    answers |= _answer_late(db, [row for row in all_rows if row["id"] in late])
    hints = [(row["id"], row["priority"]) for row in rows if states.get(row["id"]) == State.QUEUED]
    return AcceptResult([answers[each.id] for each in envelopes], hints)


def accept_as_failed(db: Database, envelope: Envelope, code: str, reason: str, deadlines: Mapping[str, float]) -> None:
    """Store a message that cannot be accepted as `failed`, where people can see it: its caller is gone."""
    with db.write() as tx:
        row = message_row(envelope, tx.now, deadlines)
        if envelope.category == "authentication":
            row |= {"body": None, "digest": None}
        row |= {"reference": None, "fallback": None, "state": State.FAILED.value, "code": code, "reason": reason[:1000]}
        if insert_messages(tx, [row]):
            add_trace(tx, envelope.id, State.FAILED, code, reason)


def add_aliases(db: Database, ids: Mapping[str, str]) -> None:
    """Store the ids that a client gave to repeats, each with its message's id, so that it finds the message by both."""
    others = [{"id": given, "message_id": stored} for given, stored in ids.items() if given != stored]
    if others:
        with db.write() as tx:
            tx.execute(tx.insert_new(alias), others)


class _Known(NamedTuple):
    id: str
    lane: str
    reference: str | None
    digest: str | None


_ByKey = dict[tuple[str, str | None] | str, _Known]


def _answer_late(db: Database, rows: Sequence[NewMessage]) -> dict[str, Receipt | Conflict | Invalid]:
    """Return the answers of messages whose deadline has passed; a repeat keeps its first answer."""
    known = _load_known(db, rows)
    return {
        row["id"]: _answer(row, {}, known, {})
        if _find(known, row)
        else Invalid("expires", "has passed already", row["expires_at"].isoformat(timespec="seconds"))
        for row in rows
    }


def _store_opposed(
    db: Database, rows: Sequence[NewMessage], lease: datetime | None, *, keep_refused: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """Store those that their recipients do not refuse; return the states of the stored, and the objections, by id."""
    with db.read() as tx:
        objections = _objections(tx, rows)
        wanted = [row for row in rows if row["id"] not in objections]
        if lease:
            _queue_directly(tx, wanted, lease)
    with db.write(autocommit=True) as tx:
        stored = insert_messages(tx, wanted)
    if keep_refused:
        stored |= _store_cancelled(db, rows, objections)
    return {row["id"]: row["state"] for row in rows if row["id"] in stored}, objections


def _objections(tx: Transaction, rows: Sequence[NewMessage]) -> dict[str, str]:
    """Return, by id, why the recipients refuse these messages; one query for all."""
    contacts = load_opted_out(tx, {_to(row) for row in rows})
    return {
        row["id"]: why
        for row in rows
        if (contact := contacts.get(_to(row))) and (why := contact.objection(row["category"]))
    }


def _to(row: NewMessage) -> tuple[str, str]:
    return row["lane"], row["recipient"]


def _queue_directly(tx: Transaction, rows: Sequence[NewMessage], lease: datetime) -> None:
    """Make a row `queued` that may be sent at once, so that its hint need not wait for the next dispatch."""
    due = [row for row in rows if row["due_at"] <= tx.now]
    lanes = {lane: find_obstacles(tx, lane) for lane in {row["lane"] for row in due}}
    for row in due:
        obstacles = lanes[row["lane"]]
        # Without workers no hint is consumed, and Redis would fill up.
        if not obstacles.unswept and (row["priority"] == URGENT or not obstacles.backlog):
            row["state"] = State.QUEUED.value
            row["lease_until"] = lease


def _store_cancelled(db: Database, rows: Sequence[NewMessage], objections: Mapping[str, str]) -> set[str]:
    if not objections:
        return set()
    with db.write() as tx:
        stored = insert_messages(tx, [row for row in rows if row["id"] in objections])
        cancel_unwanted(tx, {identity: objections[identity] for identity in stored})
        return stored


def _load_known(db: Database, rows: Sequence[NewMessage]) -> _ByKey:
    """Return the messages that existed before, by id and by (lane, reference)."""
    if not rows:
        return {}
    same_reference = [
        and_(message.c.lane == row["lane"], message.c.reference == row["reference"]) for row in rows if row["reference"]
    ]
    columns = (message.c[name] for name in _Known._fields)
    query = select(*columns).where(or_(message.c.id.in_([row["id"] for row in rows]), *same_reference))
    with db.read() as tx:
        found = tx.load(_Known, query)
    by_id: _ByKey = {each.id: each for each in found}
    return by_id | {(each.lane, each.reference): each for each in found}


def _find(known: _ByKey, row: NewMessage) -> _Known | None:
    return known.get(row["id"]) or known.get((row["lane"], row["reference"] or ""))


def _answer(
    row: NewMessage, states: Mapping[str, str], known: _ByKey, objections: Mapping[str, str]
) -> Receipt | Conflict | Invalid:
    if row["id"] in states:
        return Receipt(row["id"], new=True)
    before = _find(known, row)
    if before is None:  # a repeat keeps its first answer, even if its recipient has opted out since
        return Invalid("to", objections[row["id"]])
    # An erased one-time code has no digest, since six digits could be guessed from it: the reference alone decides.
    if before.digest not in (None, row["digest"]):
        return Conflict(
            f"reference {row['reference']!r} already belongs to another message in lane {row['lane']}: "
            "use another reference"
        )
    return Receipt(before.id, new=False)
