"""Statements for many rows, as the drivers and SQLAlchemy take them: the rows are one parameter, as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import ColumnElement, Executable, bindparam, text
from sqlmodel.sql.sqltypes import UTCDateTime

_PARAMETER = re.compile(r"(?<!:):(\w+)")


@cache
def psycopg_for_each(statement: str, columns: tuple[tuple[str, str], ...]) -> bytes:
    """Return the statement with the table of rows for `{each}`; `:name` becomes a parameter of the driver."""
    fields = ", ".join(f"{name} {kind}" for name, kind in columns)
    # The limit gives the planner the number of rows: it would read all of a small table for one of them otherwise.
    each = f"(SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS row({fields}) LIMIT :number) AS each"
    query = statement.format(each=each, skip_locked="FOR UPDATE OF message SKIP LOCKED")
    return _PARAMETER.sub(r"%(\1)s", query).encode()


@cache
def psycopg_for_one(statement: str, columns: tuple[tuple[str, str], ...]) -> bytes:
    """Return the same for a single row, whose values are parameters (see `row_for_postgres`): PostgreSQL reads no JSON.

    It plans the statement as if it had no table of rows.
    """
    fields = ", ".join(f"CAST(:row_{name} AS {kind}) AS {name}" for name, kind in columns)
    query = statement.format(each=f"(SELECT {fields}) AS each", skip_locked="FOR UPDATE OF message SKIP LOCKED")
    return _PARAMETER.sub(r"%(\1)s", query).encode()


@cache
def psycopg_for_runs(statement: str, common: tuple[tuple[str, str], ...], own: tuple[tuple[str, str], ...]) -> bytes:
    """Return the same for rows that `in_runs` has made shorter."""
    shared, fields = (", ".join(f"{name} {kind}" for name, kind in columns) for columns in (common, own))
    names = ", ".join(name for name, _ in common + own)
    runs = f"json_to_recordset(CAST(:rows AS json)) AS run({shared}, rows json)"
    row = f"LATERAL json_to_recordset(rows) AS row({fields})"
    each = f"(SELECT {names} FROM {runs} CROSS JOIN {row} LIMIT :number) AS each"
    return _PARAMETER.sub(r"%(\1)s", statement.format(each=each)).encode()


@cache
def sqlite_for_runs(statement: str, common: tuple[str, ...], own: tuple[str, ...]) -> str:
    """Return the same for SQLite, which would extract the common values again for each row of an inlined query."""
    shared, fields = (
        ", ".join(f"json_extract({value}, '$.{name}') AS {name}" for name in names)
        for value, names in (("value", (*common, "rows")), ("row.value", own))
    )
    runs = f"WITH run AS MATERIALIZED (SELECT {shared} FROM json_each(:rows))"
    each = f"({runs} SELECT {', '.join(common)}, {fields} FROM run CROSS JOIN json_each(run.rows) AS row) AS each"
    return statement.format(each=each)


@cache
def sqlite_for_each(statement: str, columns: tuple[str, ...]) -> str:
    """Return the statement with the table of rows for `{each}`."""
    fields = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in columns)
    return statement.format(each=f"(SELECT {fields} FROM json_each(:rows)) AS each", skip_locked="")


@cache
def sqlalchemy_for_each(
    statement: str, columns: tuple[str, ...], returning: tuple[ColumnElement[Any], ...], moments: tuple[str, ...]
) -> Executable:
    """Return the same for SQLAlchemy, which converts the moments of SQLite."""
    prepared = text(sqlite_for_each(statement, columns))
    bound = prepared.bindparams(*(bindparam(name, type_=UTCDateTime()) for name in moments))
    return bound.columns(*returning) if returning else bound


@cache
def _places_of_moments(returning: tuple[ColumnElement[Any], ...]) -> tuple[int, ...]:
    """Return where a row of the result has moments."""
    return tuple(place for place, column in enumerate(returning) if isinstance(column.type, UTCDateTime))


def in_utc(rows: list[tuple[Any, ...]], returning: tuple[ColumnElement[Any], ...]) -> list[tuple[Any, ...]]:
    """Return the rows with their moments in UTC; the driver gives them in the zone of the session."""
    zoned = _places_of_moments(returning)
    return [_row_in_utc(row, zoned) for row in rows] if zoned else rows


def _row_in_utc(row: tuple[Any, ...], zoned: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(
        value.astimezone(UTC) if place in zoned and value is not None else value for place, value in enumerate(row)
    )


def sqlite_moment(moment: datetime) -> str:
    """Format a moment as SQLite stores it; texts without an offset sort by time."""
    return moment.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def sqlite_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    """Yield the values of each row as SQLite stores them, for the driver."""
    moment = lru_cache(64)(sqlite_moment)  # the rows of a bulk share most of them
    for row in rows:
        yield [moment(value) if isinstance(value, datetime) else value for value in row.values()]


# Not in ASCII: an unpaired surrogate, which no database stores, must be refused and not be stored as something else.
_SQLITE, _POSTGRES = (
    json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=default)
    for default in (sqlite_moment, datetime.isoformat)
)


def in_runs(rows: Iterable[Mapping[str, Any]], common: Collection[str], own: Collection[str]) -> list[dict[str, Any]]:
    """Write the values that consecutive rows have in common once, which takes most of the JSON of a bulk away.

    `common` has two columns or more.
    """
    return [
        dict(zip(common, values, strict=True)) | {"rows": [{name: row[name] for name in own} for row in run]}
        for values, run in groupby(rows, itemgetter(*common))
    ]


def rows_for_sqlite(rows: Sequence[Mapping[str, Any]]) -> str:
    return _SQLITE.encode(rows)


def row_for_postgres(row: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of `psycopg_for_one`; they have names that no moment has."""
    return {_of_row(name): row[name] for name in columns}


@cache
def _of_row(name: str) -> str:
    return f"row_{name}"


def rows_for_postgres(rows: Sequence[Mapping[str, Any]]) -> str:
    try:
        return to_json(rows).decode()  # in a third of the time
    except PydanticSerializationError:
        return _POSTGRES.encode(rows)
