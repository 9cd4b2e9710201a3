"""What an erasure makes of one row."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Table, UniqueConstraint, delete, select, update

from harkara.ledger.events.stored_event import RECEIVED, EventState
from harkara.ledger.personal.find import FoundRow, find_again, is_row
from harkara.ledger.personal.inventory import PersonalTable
from harkara.ledger.tables import callback, contact, conversation, event, message
from harkara.ledger.transaction import Row, Transaction
from harkara.people.mentions import Mentions
from harkara.people.pseudonym import pseudonym
from harkara.states import UNSENT, State

_MAY_BE_SENT = UNSENT | {State.SENDING, State.UNCERTAIN}


@dataclass(frozen=True, slots=True)
class RowChange:
    """The new values of one row; None deletes it, which needs a locked row. `pseudonym` is that of a contact."""

    table: Table
    row: Row = field(repr=False)
    values: Row | None = field(repr=False)
    pseudonym: str = ""

    def write(self, tx: Transaction) -> bool:
        """Write it, unless one of its columns has changed since the row was read; return whether it was written."""
        is_newest = not self.pseudonym or _replace_older(tx, self.row | {"recipient": self.pseudonym})
        if self.values is None or not is_newest:
            return bool(tx.execute(delete(self.table).where(*is_row(self.table, self.row))).rowcount)
        as_read = (self.table.c[name] == self.row[name] for name in self.values if self.row[name] is not None)
        this = (*is_row(self.table, self.row), *as_read)
        return bool(tx.execute(update(self.table).where(*this).values(**self._distinct(tx, self.values))).rowcount)

    def _distinct(self, tx: Transaction, values: Row) -> Row:
        """Return the values, with the key of the row after one that must be unique and is another row's already.

        An application that names its messages by the number does so again after an erasure.
        """
        for columns in _unique_keys(self.table):
            new = {column.name: (self.row | values)[column.name] for column in columns}
            if changed := [name for name in new if name in values]:
                same = (self.table.c[name] == value for name, value in new.items())
                if tx.execute(select(*self.table.primary_key.columns).where(*same)).first():
                    values = values | {changed[0]: self._with_key(changed[0], values[changed[0]])}
        return values

    def _with_key(self, name: str, text: str) -> str:
        key = "#" + " ".join(str(self.row[column.name]) for column in self.table.primary_key.columns)
        return text[: _length(self.table, name) - len(key)] + key


def erase_row(tx: Transaction, where: PersonalTable, found: FoundRow, person: Mentions, key: str) -> bool:
    """Erase what the inventory says of a row; return whether anything changed.

    A row that has changed since it was read is read again: it may be another person's, or mention the person twice.
    """
    change = change_row(where, found, person, key, tx.now)
    if change is None or change.write(tx):
        return change is not None
    again = find_again(tx, where, found.row, person)
    change = change_row(where, again, person, key, tx.now) if again else None
    return change is not None and change.write(tx)


def must_stay(where: PersonalTable, found: FoundRow) -> bool:
    """Whether it is a message to another person that may still be sent: it is sent as the application wrote it."""
    if where.table is not message or found.own:
        return False
    return found.row["state"] in _MAY_BE_SENT or found.row["fallback"] is not None


def is_unprocessed(table: Table, row: Row) -> bool:
    """Whether it is an event that is to be applied, which may be an opt-out.

    A status that was tried waits for its message, and has stopped marketing already if it is about that.
    """
    return table is event and row["state"] == EventState.NEW.value and (row["about"] == RECEIVED or row["tries"] == 0)


def change_row(where: PersonalTable, found: FoundRow, person: Mentions, key: str, now: datetime) -> RowChange | None:
    """Return what the inventory says of this row, None if nothing in it changes."""
    if must_stay(where, found) or is_unprocessed(where.table, found.row):
        return None
    if found.own and where.table is conversation:
        return RowChange(where.table, found.row, None)
    values = {
        name: new
        for name, old in found.row.items()
        if old is not None and (new := _new_value(where, name, old, found.own, person, key)) != old
    }
    if found.own and where.table is contact:
        return RowChange(where.table, found.row, values if found.row["stopped"] else None, values["recipient"])
    return RowChange(where.table, found.row, values | _end(where, found.row, values, now)) if values else None


def _end(where: PersonalTable, row: Row, values: Row, now: datetime) -> Row:
    """Return what ends the row's processing, if it was still to come and what it needs is erased."""
    if where.table is callback and _removes(values, "data") and row["state"] == "waiting":
        return {"state": "dead", "done_at": now, "reason": "The data of the person it is about was erased."}
    if where.table is event and _removes(values, "body") and row["state"] == EventState.NEW.value:
        return {"state": EventState.ORPHAN.value}
    return {}


def _removes(values: Row, name: str) -> bool:
    return name in values and values[name] is None


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
    if where.columns[name] == "remove" and _is_json(old) and not _is_json(masked):
        return None  # the number was one of JSON, without quotes
    return masked[: _length(where.table, name)]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _length(table: Table, name: str) -> int:
    return getattr(table.c[name].type, "length", None) or sys.maxsize


@cache
def _unique_keys(table: Table) -> list[list[ColumnElement[Any]]]:
    """Return the columns of each unique index and constraint besides the primary key."""
    constraints = [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
    return [list(columns) for columns in (*(each.columns for each in table.indexes if each.unique), *constraints)]


def _replace_older(tx: Transaction, new: Row) -> bool:
    """Delete what an earlier erasure left of this contact if its choice is older; return False if it is newer."""
    same = (contact.c.lane == new["lane"], contact.c.recipient == new["recipient"])
    if new["wished_at"]:
        tx.execute(delete(contact).where(*same, contact.c.wished_at <= new["wished_at"]))
    return tx.execute(select(contact.c.lane).where(*same)).first() is None
