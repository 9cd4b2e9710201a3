"""Decisions about messages: cancel one, or resolve an uncertain or a parked one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import and_, case, or_, select, update

from harkara.errors import Conflict, NotFound
from harkara.ledger.applied_entries import mark_applied
from harkara.ledger.conditions import in_state, still_in
from harkara.ledger.database import Database
from harkara.ledger.messages.next_state import CANCELLED_OR_UNCERTAIN, final_columns
from harkara.ledger.messages.trace import CHANGED, TracedChange, add_traces
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.states import Action, State, allowed_from

Decision = Literal["sent", "resend", "drop"]

_PARKED = message.c.due_at >= message.c.expires_at
"""A parked message is due at its deadline."""

OPEN = or_(in_state(State.UNCERTAIN), and_(in_state(State.WAITING), _PARKED))
"""Messages that an operator may decide about: uncertain or parked."""

_OPEN_STILL = or_(still_in(State.UNCERTAIN), _PARKED)

_KINDS = {"sent": "noted", "resend": "resent", "drop": "dropped"}
_TARGETS = {"sent": State.ACCEPTED, "resend": State.WAITING, "drop": State.CANCELLED}


def cancel(
    db: Database, ids: Sequence[str], by: str, reason: str = "cancelled", *, actor: Actor | None = None
) -> list[str]:
    """Cancel the messages that were not sent yet; return their ids. This is an act of `actor`.

    A claimed message can be cancelled safely: its worker finds the claim gone before the POST. Raises Unavailable.
    """
    with db.write() as tx:
        cancelled = cancel_messages(tx, ids, "cancelled", f"{reason} by {by}")
        for identity in cancelled if actor else ():
            _record(tx, actor, "cancelled", identity)
        return cancelled


def cancel_once(db: Database, identity: str, by: str, entry: str) -> bool:
    """Cancel the message; return whether it is cancelled. A repeat of `entry` changes nothing.

    A repeated request would otherwise cancel a message that an operator has sent once more since.
    """
    with db.write() as tx:
        if mark_applied(tx, entry):
            return bool(cancel_messages(tx, [identity], "cancelled", f"cancelled by {by}"))
        found = tx.execute(select(message.c.state, message.c.code).where(message.c.id == identity)).one()
    return bool(found.state == State.CANCELLED and found.code == "cancelled")


def cancel_messages(tx: Transaction, ids: Sequence[str], code: str, why: str) -> list[str]:
    """Do the same within a transaction, with the code and reason given."""
    listed = tx.listed(ids)
    cancelled = tx.load(
        TracedChange,
        update(message)
        .where(message.c.id == listed.c.id, still_in(*allowed_from(State.CANCELLED, by=Action.CANCEL)))
        .values(state=CANCELLED_OR_UNCERTAIN, changed_at=tx.now, **final_columns(code, why))
        .returning(*CHANGED),
    )
    add_traces(tx, cancelled)
    return [each.id for each in cancelled]


def resolve(db: Database, identity: str, decision: Decision, by: str, *, actor: Actor | None = None) -> State:
    """Apply an operator's decision about an uncertain or a parked message; return its new state: an act of `actor`.

    `sent`: it has arrived. `resend`: send it once more, perhaps a second time. `drop`: do not send it again.
    Raises NotFound, and Conflict when the message is in a state that needs no decision.
    """
    target = _TARGETS[decision]
    with db.write() as tx:
        found = _lock(tx, identity)
        if found is None:
            raise NotFound("no message has this id or reference")
        if not found.open or found.state not in allowed_from(target, by=Action.RESOLVE):
            raise Conflict(f"the message is {found.state}: only an uncertain or a parked one can be resolved")
        if decision == "resend" and found.body is None:
            raise Conflict("its text has been erased: send a new message instead")
        decide(tx, [identity], decision, by)
        _record(tx, actor, _KINDS[decision], identity)
    return target


def decide(tx: Transaction, ids: Sequence[str], decision: Decision, by: str) -> list[str]:
    """Do the same within a transaction, for those of the messages that are uncertain or parked; return their ids."""
    target, listed = _TARGETS[decision], tx.listed(ids)
    decided = tx.load(
        TracedChange,
        update(message)
        .where(message.c.id == listed.c.id, still_in(*allowed_from(target, by=Action.RESOLVE)), _OPEN_STILL)
        .values(state=target.value, changed_at=tx.now, **_columns(tx, decision, by))
        .returning(*CHANGED),
    )
    add_traces(tx, decided)
    return [each.id for each in decided]


def _record(tx: Transaction, actor: Actor | None, kind: str, identity: str) -> None:
    if actor is not None:
        record_act(tx, actor, f"messages.{kind}", identity, number=1)


class _Found(NamedTuple):
    state: str
    due_at: datetime
    expires_at: datetime
    body: str | None

    @property
    def open(self) -> bool:
        """Whether it is uncertain or parked: a parked message is due at its deadline."""
        return self.state == State.UNCERTAIN or (self.state == State.WAITING and self.due_at >= self.expires_at)


def _lock(tx: Transaction, identity: str) -> _Found | None:
    columns = (message.c[name] for name in _Found._fields)
    found = tx.load(_Found, select(*columns).where(message.c.id == identity).with_for_update())
    return found[0] if found else None


def _columns(tx: Transaction, decision: Decision, by: str) -> Row:
    match decision:
        case "sent":
            return final_columns("operator", f"Seen to have arrived, says {by}.")
        case "drop":
            return final_columns("dropped", f"Dropped by {by}.")
        case "resend":
            uncertain = message.c.state == State.UNCERTAIN.value
            return {
                "due_at": tx.now,
                "resend_at": None,
                "strikes": 0,
                "maybe_duplicate": or_(message.c.maybe_duplicate, uncertain),
                "resends": message.c.resends + case((uncertain, 1), else_=0),
                "code": "resend",
                "reason": f"Sent again by decision of {by}.",
            }
