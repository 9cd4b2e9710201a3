"""Statements for many rows, as the drivers and SQLAlchemy take them: the rows are one parameter, or few."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate, count, groupby, islice, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

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
    """Return the same for rows as `runs_for_postgres` passes them.

    The functions in ROWS FROM, and those in one SELECT, advance together: each of their rows has a value of each.
    """
    names = ", ".join(name for name, _ in common + own)
    shared = ", ".join(f"{name} {kind}" for name, kind in common)
    lists = ", ".join(f"unnest(string_to_array(CAST(:all_{name} AS text), :run_mark))" for name, _ in own)
    of_run = ", ".join([*(name for name, _ in common), *(f"all_{name}" for name, _ in own)])
    runs = f"ROWS FROM (json_to_recordset(CAST(:runs AS json)) AS ({shared}), {lists}) AS run({of_run})"
    fields = ", ".join(f"unnest(CAST({_SPLIT.format(name=name)} AS {kind}[])) AS {name}" for name, kind in own)
    each = f"(SELECT {names} FROM {runs} CROSS JOIN LATERAL (SELECT {fields}) AS row LIMIT :number) AS each"
    return _PARAMETER.sub(r"%(\1)s", statement.format(each=each)).encode()


# PostgreSQL splits an empty text into no element.
_SPLIT = "CASE all_{name} WHEN '' THEN ARRAY[''] ELSE string_to_array(all_{name}, :row_mark, :null_mark) END"


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


def sqlite_moments(moments: Mapping[str, datetime]) -> dict[str, str]:
    """Format moments by name as SQLite stores them."""
    return {name: sqlite_moment(each) for name, each in moments.items()}


# Not in ASCII: an unpaired surrogate, which no database stores, must be refused and not be stored as something else.
_SQLITE, _POSTGRES = (
    json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=default)
    for default in (sqlite_moment, datetime.isoformat)
)


def _in_runs(rows: Iterable[Mapping[str, Any]], common: Collection[str], own: Collection[str]) -> list[dict[str, Any]]:
    """Write the values that consecutive rows have in common once, which takes most of the JSON of a bulk away."""
    return [
        dict(zip(common, values, strict=True)) | {"rows": [{name: row[name] for name in own} for row in run]}
        for values, run in groupby(rows, itemgetter(*common))
    ]


def runs_for_postgres(
    statement: str, common: Mapping[str, str], own: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> tuple[bytes, dict[str, Any]]:
    """Return the query and the parameters of a statement for rows that have most of the columns `common` in common.

    Consecutive rows with the same values there are a run, whose values are passed once. `common` has two columns or
    more. Each of the columns `own` is one text with marks between its values: as JSON, PostgreSQL would parse them four
    times, which takes a third of the time of an INSERT.
    """
    if len(rows) == 1:
        columns = {**common, **own}
        return psycopg_for_one(statement, tuple(columns.items())), row_for_postgres(rows[0], columns)
    runs = [(values, len(list(run))) for values, run in groupby(rows, itemgetter(*common))]
    ends = list(accumulate(number for _, number in runs))
    lists = {name: [row[name] for row in rows] for name in own}
    marks = _marks(
        "".join([text for name, kind in own.items() if kind == "text" for text in filter(None, lists[name])])
    )
    return psycopg_for_runs(statement, tuple(common.items()), tuple(own.items())), {
        "runs": rows_for_postgres([dict(zip(common, values, strict=True)) for values, _ in runs]),
        "number": len(rows),
        **marks._asdict(),
        **{f"all_{name}": _joined(values, ends, marks) for name, values in lists.items()},
    }


def runs_for_sqlite(
    statement: str, common: Mapping[str, str], own: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> tuple[str, dict[str, Any]]:
    """Return the same for SQLite."""
    runs = rows_for_sqlite(_in_runs(rows, common, own))
    return sqlite_for_runs(statement, tuple(common), tuple(own)), {"rows": runs}


class _Marks(NamedTuple):
    run_mark: str
    row_mark: str
    null_mark: str


def _marks(text: str) -> _Marks:
    """Return marks that the text does not have.

    A mark has its first character only once, so none can begin within a value or another mark and end in the next one.
    """
    marks = (f"\x1f{number}\x1e" for number in count())
    return _Marks(*islice((mark for mark in marks if mark not in text), 3))


def _joined(values: Sequence[object], ends: Sequence[int], marks: _Marks) -> str:
    texts = [marks.null_mark if value is None else str(value) for value in values]
    return marks.run_mark.join([marks.row_mark.join(texts[start:end]) for start, end in pairwise([0, *ends])])


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
