"""Find every row of the ledger that is about a person or mentions one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import false, or_, select

from harkara.ledger.contacts.queries import all_names
from harkara.ledger.database import Database
from harkara.ledger.personal.contains import contains
from harkara.ledger.personal.inventory import INVENTORY, PersonalTable
from harkara.ledger.slices import Key, first_key, next_slice, within
from harkara.ledger.transaction import Row, Transaction
from harkara.people.mentions import Mentions
from harkara.people.spellings import spellings

ROWS = 100_000
"""Rows of a slice, which PostgreSQL searches in a tenth of a second."""


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


def find_rows(tx: Transaction, where: PersonalTable, person: Mentions, *, rows: int = ROWS) -> Iterator[FoundRow]:
    """Yield the rows of one table, the person's own and others that mention the person, in the order of their keys.

    It reads the whole table, in slices of so many `rows`: texts have no index. A database compares texts without regard
    to case or to what separates digits from each other, so the texts are examined once more here.
    """
    own = false() if where.own is None else where.own(person)
    mentioned = [contains(where.table.c[name], person.needles) for name in where.searched]
    keys = tuple(where.table.primary_key.columns)
    query = select(where.table, own.label("is_own")).where(or_(own, *mentioned)).order_by(*keys)
    after: Key | None = first_key(keys)
    while after is not None:
        part = next_slice(tx, keys, after, rows)
        for found in tx.rows(query.where(*within(keys, ends=part.last is not None)), part.values()):
            is_own = bool(found.pop("is_own"))
            if is_own or any(person.in_text(found[name]) for name in where.searched if found[name]):
                yield FoundRow(is_own, found)
        after = part.last


def find_own(db: Database, person: Mentions) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that are about the person by the name of their table, all of one moment. Raises Unavailable."""
    with db.read(snapshot=True) as tx:
        return {
            where.table.name: tx.rows(
                select(where.table).where(where.own(person)).order_by(*where.table.primary_key.columns)
            )
            for where in INVENTORY
            if where.own is not None
        }


def count_own(db: Database, text: str) -> dict[str, int]:
    """Return how many rows are about the person whose number or user id this is, by table; tables without one left out.

    Raises Invalid for the field `to`, and Unavailable.
    """
    return {table: len(rows) for table, rows in find_own(db, find_person(db, text)).items() if rows}
