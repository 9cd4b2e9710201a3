"""Erase what the ledger knows about a person: the right of erasure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import and_, literal_column, select, update

from harkara.errors import Conflict
from harkara.ledger.campaigns.uploads import delete_all_uploads
from harkara.ledger.conditions import SETTLED
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.messages.commands import cancel_messages
from harkara.ledger.messages.erased_number import ERASED, KEPT
from harkara.ledger.personal.changes import change_row, erase_row, is_unprocessed, must_stay
from harkara.ledger.personal.contains import contains
from harkara.ledger.personal.find import FoundRow, Progress, find_rows, lock_own, no_progress
from harkara.ledger.personal.inventory import INVENTORY, PersonalTable, messages_to
from harkara.ledger.tables import attempt, event, message, trace
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.people.mentions import Mentions
from harkara.people.pseudonym import pseudonym
from harkara.states import UNSENT, State

_REASON = "The data of its recipient was erased."
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did: `rows` counts by table the rows that it changed or deleted.

    `mentions` is the number of messages to others that mention the person and may still be sent. `being_sent` is the
    number of messages to the person whose POST began meanwhile, and `unprocessed` that of webhooks that came meanwhile:
    they stay as they are until a later erasure.
    """

    at: datetime
    cancelled: int
    rows: Mapping[str, int] = field(default_factory=dict)
    mentions: int = 0
    being_sent: int = 0
    unprocessed: int = 0


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
        found, mentions = _search(db, person, key, progress)
        with db.write() as tx:
            stopped = _stop_unsent(tx, person)  # the application may have sent another one meanwhile
            unprocessed = _count_unprocessed(tx, person)
            erased = [*_erase_found(tx, found, person, key), *_erase_own(tx, person, key, stopped)]
        cancelled += stopped.cancelled
        rows.update(erased)
        if not erased:
            break
    return Erasure(at, cancelled, dict(rows), mentions, len(stopped.sending), unprocessed)


class _Stopped(NamedTuple):
    """How many messages were cancelled, the ids of those that are being sent, and of those that may be erased."""

    cancelled: int
    sending: Set[str]
    settled: Set[str]


def _stop_messages(tx: Transaction, person: Mentions) -> int:
    """Cancel unsent messages, and remove what could send one again; return how many messages were cancelled."""
    stopped = _stop_unsent(tx, person)
    if stopped.sending:
        raise Conflict("a message to this person is being sent: try again in a minute; nothing was erased")
    if _count_unprocessed(tx, person):
        raise Conflict("a webhook about this person is not processed: try again in a minute; nothing was erased")
    return stopped.cancelled


def _count_unprocessed(tx: Transaction, person: Mentions) -> int:
    """Return how many webhooks about the person are to be applied: one may be an opt-out."""
    new = and_(event.c.state == literal_column(f"'{EventState.NEW}'"), contains(event.c.body, person.needles))
    found = tx.rows(select(event.c.about, event.c.state, event.c.tries).where(new))
    return sum(is_unprocessed(event, row) for row in found)


def _stop_unsent(tx: Transaction, person: Mentions) -> _Stopped:
    """Do the same whatever else there is about the person. What is being sent stays as it is until it has its outcome.

    A message without its text would otherwise be claimed again and again until its deadline.
    """
    own = message.c.id.in_(messages_to(person))
    locked = select(message.c.id, message.c.state).where(own).order_by(message.c.id).with_for_update()
    states = {row.id: row.state for row in tx.execute(locked)}
    cancelled = cancel_messages(tx, [one for one, state in states.items() if state in UNSENT], ERASED, _REASON)
    tx.execute(update(message).where(own, SETTLED).values(resend_at=None, fallback=None, **KEPT))
    sending = {one for one, state in states.items() if state == State.SENDING}
    return _Stopped(len(cancelled), sending, states.keys() - sending)


_Found = tuple[PersonalTable, FoundRow]


def _search(db: Database, person: Mentions, key: str, progress: Progress) -> tuple[list[_Found], int]:
    """Return the rows that only a search finds and that must change, and how many mention the person and must stay."""
    changing: list[_Found] = []
    staying = 0
    with db.read(snapshot=True) as tx:
        for where in INVENTORY:
            for found in find_rows(tx, where, person, progress):
                if must_stay(where, found):
                    staying += 1
                elif (where.own_by_search or not found.own) and change_row(where, found, person, key, tx.now):
                    changing.append((where, found))
    return changing, staying


def _erase_found(tx: Transaction, found: Sequence[_Found], person: Mentions, key: str) -> Iterator[str]:
    """Erase rows of the search; yield for each the name of its table."""
    return (where.table.name for where, each in found if erase_row(tx, where, each, person, key))


def _erase_own(tx: Transaction, person: Mentions, key: str, stopped: _Stopped) -> Iterator[str]:
    """Do the same with the person's own rows as they are now: since the search, some are new, and some another's."""
    for where in _OWN_ORDER:
        for found in lock_own(tx, where, person):
            if _is_settled(where, found.row, stopped) and erase_row(tx, where, found, person, key):
                yield where.table.name


_OWN_ORDER: Final = sorted(INVENTORY, key=lambda where: where.table is message)
"""The messages last: their number leads to their attempts, and the contacts, which are last before, to the turns."""


def _is_settled(where: PersonalTable, row: Row, stopped: _Stopped) -> bool:
    """Whether the row is not one of a message that is being sent, or that was accepted since the others stopped."""
    if where.table is message:
        return row["id"] in stopped.settled
    return where.table not in (attempt, trace) or row["message_id"] not in stopped.sending
