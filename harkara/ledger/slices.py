"""Slices of a table: ranges of keys, so that each query reads a limited number of rows, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Date, Integer, Select, bindparam, select, tuple_
from sqlalchemy.types import TypeEngine

from harkara.ledger.transaction import Row, Transaction

Column = ColumnElement[Any]
Key = tuple[Any, ...]


class Slice(NamedTuple):
    """The keys after `after` up to `last`, which is None in the last slice."""

    after: Key
    last: Key | None

    def values(self) -> Row:
        """Return the parameters of `within`."""
        found = {_name("after", place): value for place, value in enumerate(self.after)}
        return found | {_name("last", place): value for place, value in enumerate(self.last or ())}


def within(columns: Sequence[Column], *, ends: bool) -> list[ColumnElement[bool]]:
    """Return the conditions that a key of these columns is in a slice, which has a last key if it `ends`."""
    above = _compared(columns) > _parameters("after", columns)
    return [above, _compared(columns) <= _parameters("last", columns)] if ends else [above]


def first_key(columns: Sequence[Column]) -> Key:
    """Return a key that is before all others: no text is empty, no number is negative, no day is in the first year."""
    return tuple(_before_all(column.type) for column in columns)


def _before_all(kind: TypeEngine[Any]) -> str | int | date:
    if isinstance(kind, Date):
        return date.min
    return -1 if isinstance(kind, Integer) else ""


def next_slice(tx: Transaction, columns: tuple[Column, ...], after: Key, rows: int) -> Slice:
    """Return the slice of the next `rows` rows; it is longer only by rows that have the same key as its last one."""
    found = tx.execute(_last_key(columns, rows), Slice(after, None).values()).first()
    return Slice(after, tuple(found) if found else None)


@cache
def _last_key(columns: tuple[Column, ...], rows: int) -> Select[Any]:
    return select(*columns).where(*within(columns, ends=False)).order_by(*columns).offset(rows - 1).limit(1)


def _compared(columns: Sequence[Column]) -> Column:
    return columns[0] if len(columns) == 1 else tuple_(*columns)


def _parameters(kind: str, columns: Sequence[Column]) -> Column:
    return _compared([bindparam(_name(kind, place), type_=each.type) for place, each in enumerate(columns)])


def _name(kind: str, place: int) -> str:
    return f"{kind}_{place}"
