"""Find every row of the ledger that is about a person or mentions one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, or_, select, true

from harkara.ledger.contacts.queries import all_names
from harkara.ledger.database import Database
from harkara.ledger.personal.contains import contains
from harkara.ledger.personal.inventory import INVENTORY, PersonalTable
from harkara.ledger.slices import Column, Key, first_key, next_slice, within
from harkara.ledger.transaction import Row, Transaction
from harkara.people.mentions import Mentions
from harkara.people.spellings import spellings

ROWS = 100_000
"""Rows of a slice, which PostgreSQL searches in a tenth of a second."""

Progress = Callable[[str], object]
"""Is called before each slice with what was done so far, such as `message: 200,000 rows searched`."""


def no_progress(done: str) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row with all its columns; `own` says whether it is about the person, or about another and mentions them."""

    own: bool
    row: Row = field(repr=False)


def find_person(db: Database, text: str) -> Mentions:
    """Return all names, in any lane, of the person whose number or user id this is.

    Raises Invalid for the field `to`, which never quotes the text.
    """
    return Mentions.of({one for name in all_names(db, text) for one in spellings(name)})


def find_rows(
    tx: Transaction,
    where: PersonalTable,
    person: Mentions,
    progress: Progress = no_progress,
    *,
    rows: int = ROWS,
) -> list[FoundRow]:
    """Return the rows of one table, the person's own and others that mention the person, in the order of their keys.

    Mentions are looked for in the whole table, in slices of so many `rows`: texts have no index. A database compares
    texts without regard to case or to what separates digits from each other, so they are examined once more here.
    """
    keys = tuple(where.table.primary_key.columns)
    found = {_key(row, keys): FoundRow(True, row) for row in _own_rows(tx, where, person)}
    for row in _mentions(tx, where, person, progress, rows):
        if any(person.in_text(row[name]) for name in where.searched if row[name]):
            found.setdefault(_key(row, keys), FoundRow(False, row))
    return [found[key] for key in sorted(found)]


def lock_own(tx: Transaction, where: PersonalTable, person: Mentions) -> list[FoundRow]:
    """Return the person's own rows of a table in which an index finds them, and lock them; none of another table."""
    if where.own is None or where.own_by_search:
        return []
    own = select(where.table).where(where.own(person)).order_by(*where.table.primary_key.columns)
    return [FoundRow(True, row) for row in tx.rows(own.with_for_update())]


def find_again(tx: Transaction, where: PersonalTable, row: Row, person: Mentions) -> FoundRow | None:
    """Return a row as it is now, and lock it; None if it is deleted."""
    this = is_row(where.table, row)
    if not (found := tx.rows(select(where.table).where(*this).with_for_update())):
        return None
    own = where.own is not None and tx.execute(select(true()).where(*this, where.own(person))).first() is not None
    return FoundRow(own, found[0])


def is_row(table: Table, row: Row) -> tuple[ColumnElement[bool], ...]:
    """Match the row with this primary key."""
    return tuple(column == row[column.name] for column in table.primary_key.columns)


def find_own(db: Database, person: Mentions) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that are about the person by the name of their table, all of one moment. Raises Unavailable."""
    with db.read(snapshot=True) as tx:
        return {where.table.name: _own_rows(tx, where, person) for where in INVENTORY if where.own is not None}


def count_own(db: Database, text: str) -> dict[str, int]:
    """Return how many rows are about the person whose number or user id this is, by table; tables without one left out.

    Raises Invalid for the field `to`, and Unavailable.
    """
    return {table: len(rows) for table, rows in find_own(db, find_person(db, text)).items() if rows}


def _own_rows(tx: Transaction, where: PersonalTable, person: Mentions) -> list[Row]:
    if where.own is None:
        return []
    return tx.rows(select(where.table).where(where.own(person)).order_by(*where.table.primary_key.columns))


def _mentions(tx: Transaction, where: PersonalTable, person: Mentions, progress: Progress, rows: int) -> Iterator[Row]:
    if not where.searched:
        return
    key = tuple(where.table.primary_key.columns)[:1]  # of two columns, PostgreSQL expects a third of the table
    mentioned = or_(*(contains(where.table.c[name], person.needles) for name in where.searched))
    after: Key | None = first_key(key)
    searched = 0
    while after is not None:
        progress(f"{where.table.name}: {searched:,} rows searched")
        part = next_slice(tx, key, after, rows)
        bounds = within(key, ends=part.last is not None)
        yield from tx.rows(select(where.table).where(mentioned, *bounds), part.values())
        after, searched = part.last, searched + rows


def _key(row: Row, keys: Sequence[Column]) -> Key:
    return tuple(row[column.name] for column in keys)
