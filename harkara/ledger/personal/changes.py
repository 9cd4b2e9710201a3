"""What an erasure makes of one row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Table, and_, delete, select, update

from harkara.ledger.events.stored_event import EventState
from harkara.ledger.personal.find import FoundRow
from harkara.ledger.personal.inventory import PersonalTable
from harkara.ledger.tables import callback, contact, conversation, event, message
from harkara.ledger.transaction import Row, Transaction
from harkara.people.mentions import Mentions
from harkara.people.pseudonym import pseudonym
from harkara.states import UNSENT, State

_MAY_BE_SENT = UNSENT | {State.SENDING, State.UNCERTAIN}


@dataclass(frozen=True, slots=True)
class RowChange:
    """The new values of one row; None deletes it."""

    table: Table
    row: Row = field(repr=False)
    values: Row | None = field(repr=False)

    @property
    def message_id(self) -> str | None:
        """The id of the message that the row is, None for a row of another table."""
        return self.row["id"] if self.table is message else None

    def write(self, tx: Transaction) -> None:
        if self.table is contact and self.values is not None and not _replace_older(tx, self.row | self.values):
            self._delete(tx)
        elif self.values is None:
            self._delete(tx)
        else:
            tx.execute(update(self.table).where(self._this()).values(**self.values))

    def _delete(self, tx: Transaction) -> None:
        tx.execute(delete(self.table).where(self._this()))

    def _this(self) -> Any:
        return and_(*(column == self.row[column.name] for column in self.table.primary_key.columns))


def must_stay(where: PersonalTable, found: FoundRow) -> bool:
    """Whether it is a message to another person that may still be sent: it is sent as the application wrote it."""
    if where.table is not message or found.own:
        return False
    return found.row["state"] in _MAY_BE_SENT or found.row["fallback"] is not None


def change_row(where: PersonalTable, found: FoundRow, person: Mentions, key: str, now: datetime) -> RowChange | None:
    """Return what the inventory says of this row, None if nothing in it changes."""
    if where.table is conversation or (where.table is contact and found.row["stopped"] is None):
        return RowChange(where.table, found.row, None)
    values = {
        name: new
        for name, old in found.row.items()
        if old is not None and (new := _new_value(where, name, old, found.own, person, key)) != old
    }
    return RowChange(where.table, found.row, values | _end(where, found.row, values, now)) if values else None


def _end(where: PersonalTable, row: Row, values: Row, now: datetime) -> Row:
    """Return what ends the row's processing, if it was still to come and what it needs is erased."""
    if where.table is callback and "data" in values and row["state"] == "waiting":
        return {"state": "dead", "done_at": now, "reason": "The data of the person it is about was erased."}
    if where.table is event and "body" in values and row["state"] == EventState.NEW.value:
        return {"state": EventState.ORPHAN.value}
    return {}


def _new_value(where: PersonalTable, name: str, old: Any, own: bool, person: Mentions, key: str) -> Any:
    match where.columns.get(name, "none"):
        case "none":
            return old
        case "remove" | "clear" if own:
            return None
        case "clear":
            return old
        case "rename":
            return pseudonym(key, old) if own else old
    masked = person.replace(old, pseudonym(key, person.names[0]))
    return masked[: getattr(where.table.c[name].type, "length", None)]


def _replace_older(tx: Transaction, new: Row) -> bool:
    """Delete what an earlier erasure left of this contact if its choice is older; return False if it is newer."""
    same = (contact.c.lane == new["lane"], contact.c.recipient == new["recipient"])
    tx.execute(delete(contact).where(*same, contact.c.wished_at <= new["wished_at"]))
    return tx.execute(select(contact.c.lane).where(*same)).first() is None
