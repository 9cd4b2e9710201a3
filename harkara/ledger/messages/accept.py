"""Accept: a message enters the ledger; once this commits, it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from sqlalchemy import and_, or_, select

from harkara.errors import Conflict, Invalid
from harkara.ledger.contacts import consent
from harkara.ledger.contacts.contacts import refusing
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.messages.due import find_obstacles
from harkara.ledger.messages.fallback import kept
from harkara.ledger.messages.record import add_trace
from harkara.ledger.tables import alias, message
from harkara.messages import Envelope
from harkara.receipt import Receipt
from harkara.states import State

URGENT = 0
"""The priority that is hinted to the workers at once, whatever waits."""

DIRECT = 50
"""Up to so many messages in one call are hinted at once when nothing waits before them; more go by dispatch."""

_FAR = datetime(9000, 1, 1, tzinfo=UTC)
"""Stands for every later moment: the last days of the calendar overflow in another time zone."""


def accept(
    db: Database,
    envelopes: Sequence[Envelope],
    *,
    deadlines: Mapping[str, float],
    queued_seconds: float,
    keep_refused: bool = False,
    direct_hints: bool = True,
) -> tuple[list[Receipt | Conflict | Invalid], list[tuple[str, int]]]:
    """Writes all of them, or none; answers a receipt for each, in order.

    `deadlines` gives, by category, the seconds after which a message without `expires` is no longer worth sending.
    A reference that stands for another content answers Conflict, a deadline that has passed Invalid, and so does a
    recipient who wants no such message; none stops the others. With `refuse` off nobody is there to hear it: then the
    last two are kept and cancelled where everybody can see. Also returns the (id, priority) of those that may be hinted
    to a worker right now; without `direct` there are none.

    Raises Unavailable when the database is; to repeat the call adds nothing twice.
    """
    with db.read() as tx:
        late = {e.id: i for e in envelopes if not keep_refused and (i := _too_late(e, tx.now))}
        rows = [message_row(e, tx.now, deadlines) for e in envelopes if e.id not in late]
        unwanted = _unwanted(tx, rows)
        wanted = [row for row in rows if row["id"] not in unwanted]
        if direct_hints and len(wanted) <= DIRECT:
            _mark_direct(tx, wanted, queued_seconds)
    stored = _store(db, wanted) | (_keep_unwanted(db, rows, unwanted) if keep_refused else set())
    known = _known(db, [row for row in rows if row["id"] not in stored])
    hinted = [(row["id"], row["priority"]) for row in wanted if row["state"] == State.QUEUED and row["id"] in stored]
    digests = {row["id"]: row["digest"] for row in rows}
    return [late.get(e.id) or _receipt(e, digests[e.id], stored, known, unwanted) for e in envelopes], hinted


def accept_as_failed(db: Database, envelope: Envelope, code: str, reason: str, deadlines: Mapping[str, float]) -> None:
    """Keeps a message that cannot be accepted, and whose sender is gone, as failed: it is lost to nobody's eyes."""
    blank: Row = {"body": None, "digest": None} if envelope.category == "authentication" else {}
    verdict: Row = {
        "reference": None,
        "fallback": None,
        "state": State.FAILED.value,
        "code": code,
        "reason": reason[:1000],
    }
    with db.write() as tx:
        row = message_row(envelope, tx.now, deadlines) | blank | verdict
        if tx.execute(tx.insert_new(message).returning(message.c.id), row).first():
            add_trace(tx, envelope.id, State.FAILED, code, reason)


def add_aliases(db: Database, ids: Mapping[str, str]) -> None:
    """Keeps the ids that a client gave to what proved to be a repeat, so that it finds its message by them too."""
    others = [{"id": given, "message_id": kept} for given, kept in ids.items() if given != kept]
    if others:
        with db.write() as tx:
            tx.execute(tx.insert_new(alias), others)


def message_row(envelope: Envelope, now: datetime, deadlines: Mapping[str, float]) -> Row:
    """The message as it enters the ledger, waiting for its time."""
    due = min(max(envelope.at or now, now), _FAR)
    deadline = (
        min(envelope.expires, _FAR) if envelope.expires else due + timedelta(seconds=deadlines[envelope.category])
    )
    body, fallback = envelope.body_json(), kept(envelope)
    return {
        "id": envelope.id,
        "reference": envelope.reference,
        "digest": blake2b((body + (fallback or "")).encode(), digest_size=16).hexdigest(),
        "lane": envelope.lane,
        "producer": envelope.producer,
        "recipient": envelope.to,
        "kind": envelope.kind,
        "template": envelope.template,
        "category": envelope.category,
        "priority": envelope.priority,
        "quiet": envelope.quiet,
        "weight": len(envelope.messages),
        "body": body,
        "fallback": fallback,
        "state": State.WAITING.value,
        "due_at": due,
        "expires_at": deadline,
        "lease_until": None,
        "created_at": now,
        "changed_at": now,
    }


def _too_late(envelope: Envelope, now: datetime) -> Invalid | None:
    if envelope.expires and envelope.expires <= now:
        return Invalid("expires", "has passed already", envelope.expires.isoformat(timespec="seconds"))
    return None


def _unwanted(tx: Transaction, rows: Sequence[Row]) -> dict[str, str]:
    """By id, what the recipients of these messages have said against them; one look for all."""
    said = refusing(tx, {_to(row) for row in rows})
    return {
        row["id"]: why for row in rows if (found := said.get(_to(row))) and (why := found.objection(row["category"]))
    }


def _to(row: Row) -> tuple[str, str]:
    return row["lane"], row["recipient"]


def _store(db: Database, rows: Sequence[Row]) -> set[str]:
    with db.write(autocommit=len(rows) <= DIRECT) as tx:
        return insert_messages(tx, rows)


def _keep_unwanted(db: Database, rows: Sequence[Row], unwanted: Mapping[str, str]) -> set[str]:
    """Their sender is gone and cannot be told: they are cancelled where people look."""
    if not unwanted:
        return set()
    with db.write() as tx:
        stored = insert_messages(tx, [row for row in rows if row["id"] in unwanted])
        consent.cancel(tx, {identity: unwanted[identity] for identity in stored})
        return stored


def _mark_direct(tx: Transaction, rows: Sequence[Row], queued_seconds: float) -> None:
    """What may go out at once is born `queued`, so that its hint need not wait for the next dispatch."""
    due = [row for row in rows if row["due_at"] <= tx.now]
    lanes = {lane: find_obstacles(tx, lane) for lane in {row["lane"] for row in due}}
    for row in due:
        obstacle = lanes[row["lane"]]
        # Without workers nobody takes hints, and Redis would fill with them.
        if not obstacle.unheard and (row["priority"] == URGENT or not obstacle.backlog):
            row["state"] = State.QUEUED.value
            row["lease_until"] = tx.now + timedelta(seconds=queued_seconds)


def insert_messages(tx: Transaction, rows: Sequence[Row]) -> set[str]:
    """Writes the rows that are not there yet; returns their ids."""
    if not rows:
        return set()
    # In one order everywhere: two that bring the same references would else wait for each other for ever.
    rows = sorted(rows, key=lambda row: (row["lane"], row["reference"] or "", row["id"]))
    if len(rows) > DIRECT and not tx.sqlite:
        return tx.copy_new(message, rows)
    return set(tx.execute(tx.insert_new(message).returning(message.c.id), rows).scalars())


def _known(db: Database, rows: Sequence[Row]) -> dict[tuple[str, str] | str, Row]:
    """The messages that were there before, by id and by (lane, reference)."""
    if not rows:
        return {}
    same_reference = [
        and_(message.c.lane == row["lane"], message.c.reference == row["reference"]) for row in rows if row["reference"]
    ]
    with db.read() as tx:
        found = tx.rows(
            select(message.c.id, message.c.lane, message.c.reference, message.c.digest).where(
                or_(message.c.id.in_([row["id"] for row in rows]), *same_reference)
            )
        )
    return {row["id"]: row for row in found} | {(row["lane"], row["reference"]): row for row in found}


def _receipt(
    envelope: Envelope,
    digest: str,
    stored: set[str],
    known: Mapping[tuple[str, str] | str, Row],
    unwanted: Mapping[str, str],
) -> Receipt | Conflict | Invalid:
    if envelope.id in stored:
        return Receipt(envelope.id, new=True)
    before = known.get(envelope.id) or known.get((envelope.lane, envelope.reference or ""))
    if before is None:  # a repeat is what it was when it was accepted, whatever its recipient has said since
        return Invalid("to", unwanted[envelope.id])
    # A blanked one-time code leaves no digest, since six digits could be guessed from it: the reference alone decides.
    if before["digest"] not in (None, digest):
        return Conflict(f"reference {envelope.reference!r} already stands for another message in lane {envelope.lane}")
    return Receipt(before["id"], new=False)
