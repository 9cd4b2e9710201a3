"""Tables of SQLAlchemy Core from `columns.json`, in which `python -m docs.render` writes the columns of the models.

A process that queries needs no more: the models would bring SQLModel and SQLAlchemy's ORM into each one.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from harkara.ledger.utc_time import UTCDateTime

COLUMNS = Path(__file__).with_name("columns.json")

_METADATA = MetaData()
_BUILDING = Lock()
"""Two threads may import two modules that use the same table."""

_TYPES: dict[str, type] = {
    each.__name__: each for each in (BigInteger, Boolean, Date, Float, Integer, LargeBinary, String, Text, UTCDateTime)
}


@cache
def columns() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the columns of each table, by the table's name."""
    loaded: dict[str, dict[str, dict[str, Any]]] = json.loads(COLUMNS.read_text("utf-8"))
    return loaded


def table(name: str) -> Table:
    """Return the table with this name."""
    with _BUILDING:
        if name not in _METADATA.tables:
            Table(name, _METADATA, *(_column(column, **given) for column, given in columns()[name].items()))
        return _METADATA.tables[name]


def _column(
    name: str, type: str, length: int | None = None, references: str | None = None, **options: Any
) -> Column[Any]:
    kind = _TYPES[type](length) if length else _TYPES[type]()
    return Column(name, kind, *([ForeignKey(references)] if references else []), **options)
