"""Erase what the ledger knows about a person: the right of erasure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_, select, update

from harkara.errors import Conflict
from harkara.ledger.campaigns.uploads import delete_all_uploads
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import RECEIVED, EventState
from harkara.ledger.messages.commands import cancel_messages
from harkara.ledger.messages.erased_number import KEPT
from harkara.ledger.personal.changes import RowChange, change_row, must_stay
from harkara.ledger.personal.contains import contains
from harkara.ledger.personal.find import Progress, find_rows, no_progress
from harkara.ledger.personal.inventory import INVENTORY
from harkara.ledger.tables import event, message
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.people.mentions import Mentions
from harkara.people.pseudonym import pseudonym
from harkara.states import DONE, UNSENT, State

ERASED = "erased"
"""The code of a message that was cancelled because its recipient's data was erased."""

_REASON = "The data of its recipient was erased."
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did: `rows` counts by table the rows that it changed or deleted.

    `mentions` is the number of messages to others that mention the person and may still be sent.
    """

    at: datetime
    cancelled: int
    rows: Mapping[str, int] = field(default_factory=dict)
    mentions: int = 0


def erase_person(db: Database, person: Mentions, key: str, *, by: Actor, progress: Progress = no_progress) -> Erasure:
    """Cancel what waits for the person, then erase each row about the person, and mask mentions in other rows.

    All uploads are deleted: the person may be in any of them, in any spelling.

    `key` is that of the pseudonyms, under one of which the log of acts says that `by` erased the person. A row that is
    written meanwhile is found in another round. Raises Conflict, before anything is changed, while a message to the
    person is being sent or a webhook about the person is not processed.
    Raises Unavailable; then the call may be repeated.
    """
    with db.write() as tx:
        cancelled, at = _stop_messages(tx, person), tx.now
        uploads = delete_all_uploads(tx)
        record_act(tx, by, "person.erased", pseudonym(key, person.names[0]))
    rows: Counter[str] = Counter({"upload": uploads} if uploads else {})
    for _ in range(_ROUNDS):
        changes, mentions = _plan(db, person, key, progress)
        if not changes:
            break
        with db.write() as tx:
            stopped = _stop_unsent(tx, person)  # the application may have sent another one meanwhile
            cancelled += stopped.cancelled
            written = [change for change in changes if change.message_id not in stopped.sending]
            for change in written:
                change.write(tx)
        rows.update(change.table.name for change in written)
    return Erasure(at, cancelled, dict(rows), mentions)


class _Stopped(NamedTuple):
    """How many messages were cancelled, and the ids of those that are being sent."""

    cancelled: int
    sending: Set[str]


def _stop_messages(tx: Transaction, person: Mentions) -> int:
    """Cancel unsent messages, and remove what could send one again; return how many messages were cancelled."""
    stopped = _stop_unsent(tx, person)
    if stopped.sending:
        raise Conflict("a message to this person is being sent: try again in a minute; nothing was erased")
    # A status that was tried waits for its message, and has stopped marketing already if it is about that.
    untried = or_(event.c.about == RECEIVED, event.c.tries == 0)
    new = (event.c.state == EventState.NEW.value, untried, contains(event.c.body, person.needles))
    if tx.execute(select(event.c.id).where(*new).limit(1)).first():
        raise Conflict("a webhook about this person is not processed: try again in a minute; nothing was erased")
    return stopped.cancelled


def _stop_unsent(tx: Transaction, person: Mentions) -> _Stopped:
    """Do the same whatever else there is about the person. What is being sent stays as it is until it has its outcome.

    A message without its text would otherwise be claimed again and again until its deadline.
    """
    own = message.c.recipient.in_(person.names)
    locked = select(message.c.id, message.c.state).where(own).order_by(message.c.id).with_for_update()
    states = {row.id: row.state for row in tx.execute(locked)}
    cancelled = cancel_messages(tx, [one for one, state in states.items() if state in UNSENT], ERASED, _REASON)
    settled = in_state(*(state for state in State if state in DONE | {State.UNCERTAIN}))
    tx.execute(update(message).where(own, settled).values(resend_at=None, fallback=None, **KEPT))
    return _Stopped(len(cancelled), {one for one, state in states.items() if state == State.SENDING})


def _plan(db: Database, person: Mentions, key: str, progress: Progress) -> tuple[list[RowChange], int]:
    """Return the changes that are left to make, and how many rows mention the person and must stay."""
    changes: list[RowChange] = []
    staying = 0
    with db.read(snapshot=True) as tx:
        for where in INVENTORY:
            for found in find_rows(tx, where, person, progress):
                if must_stay(where, found):
                    staying += 1
                elif change := change_row(where, found, person, key, tx.now):
                    changes.append(change)
    return changes, staying
