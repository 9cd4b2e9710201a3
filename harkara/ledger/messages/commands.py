"""What a person (or the application) decides about a message: cancel it, or settle what is uncertain."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

from sqlalchemy import or_, select, update

from harkara.errors import Conflict, NotFound
from harkara.ledger.conditions import still_in
from harkara.ledger.database import Database, Transaction
from harkara.ledger.messages.record import CANCELLED_OR_UNCERTAIN, add_trace, add_traces, final_columns
from harkara.ledger.tables import alias, message
from harkara.states import UNSENT, State

Decision = Literal["sent", "resend", "drop"]


def find_id(db: Database, key: str, lane: str | None = None, *, lanes: Collection[str] | None = None) -> str:
    """The id of the message with this id, alias or reference, in the lane, in one of `lanes`, or in any.

    Raises NotFound, and Conflict when several of them know the reference.
    """
    with db.read() as tx:
        named = or_(
            message.c.id == key,
            message.c.reference == key,
            message.c.id == select(alias.c.message_id).where(alias.c.id == key).scalar_subquery(),
        )
        query = select(message.c.id).where(named).limit(2)
        if lane:
            query = query.where(message.c.lane == lane)
        if lanes is not None:
            query = query.where(message.c.lane.in_(lanes))
        found = tx.execute(query).scalars().all()
    if not found:
        raise NotFound("no message has this id or reference")
    if len(found) > 1:
        raise Conflict("several lanes know this reference: name the lane, or use the id")
    return str(found[0])


def cancel(db: Database, ids: Sequence[str], by: str, reason: str = "cancelled") -> list[str]:
    """Cancels what has not left yet; returns the ids that were. A claimed one is safe: its worker finds out in time."""
    with db.write() as tx:
        return cancel_messages(tx, ids, "cancelled", f"{reason} by {by}")


def cancel_messages(tx: Transaction, ids: Sequence[str], code: str, why: str) -> list[str]:
    """The same within a transaction."""
    moved = tx.rows(
        update(message)
        .where(message.c.id.in_(list(ids)), still_in(*UNSENT))
        .values(state=CANCELLED_OR_UNCERTAIN, changed_at=tx.now, **final_columns(code, why))
        .returning(message.c.id, message.c.state)
    )
    if moved:
        add_traces(tx, moved, code, why)
    return [row["id"] for row in moved]


def resolve(db: Database, identity: str, decision: Decision, by: str) -> State:
    """Settles an uncertain message, or one that is parked, by hand; returns its new state.

    `sent`: somebody saw that it arrived. `resend`: send it once more, perhaps a second time. `drop`: let it be.
    Raises NotFound, and Conflict when the message is in a state that needs no decision.
    """
    with db.write() as tx:
        row = tx.execute(select(message).where(message.c.id == identity).with_for_update()).mappings().first()
        if row is None:
            raise NotFound("no message has this id or reference")
        parked = row["state"] == State.WAITING and row["due_at"] >= row["expires_at"]
        if row["state"] != State.UNCERTAIN and not parked:
            raise Conflict(f"the message is {row['state']}: only an uncertain or a parked one can be resolved")
        if decision == "resend" and row["body"] is None:
            raise Conflict("its text has been erased: send a new message instead")
        state, values = _decided(tx, decision, by, uncertain=row["state"] == State.UNCERTAIN)
        tx.execute(
            update(message)
            .where(message.c.id == identity, message.c.state == row["state"], message.c.epoch == row["epoch"])
            .values(state=state.value, changed_at=tx.now, **values)
        )
        add_trace(tx, identity, state, values["code"], values["reason"])
    return state


def _decided(tx: Transaction, decision: Decision, by: str, *, uncertain: bool) -> tuple[State, dict[str, Any]]:
    match decision:
        case "sent":
            return State.ACCEPTED, final_columns("operator", f"Seen to have arrived, says {by}.")
        case "drop":
            return State.CANCELLED, final_columns("dropped", f"Dropped by {by}.")
        case "resend":
            again: dict[str, Any] = {"due_at": tx.now, "resend_at": None, "strikes": 0, "code": "resend"}
            if uncertain:
                again |= {"maybe_duplicate": True, "resends": message.c.resends + 1}
            return State.WAITING, again | {"reason": f"Sent again by decision of {by}."}
