"""Errors of the database drivers, as errors of Harkara: they keep the reason, and no value of a row.

A driver's own text quotes rows, with their numbers and texts, so it must not leave the ledger.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any, Final

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from harkara.errors import HarkaraError, Unavailable
from harkara.ledger.connection_errors import is_none_left, next_step

DRIVER_ERRORS: Final = (SQLAlchemyError, psycopg.Error, sqlite3.Error, UnicodeError, OverflowError)
"""What SQLAlchemy and the drivers raise; the last two for values that they cannot encode."""

OTHER_SCHEMA: Final = "the database does not have the schema of this release: run `python -m workers.migrate`"

STATEMENT_MODE: Final = (
    "the pooler before the database runs in statement mode, which allows no transactions: set its mode to transaction "
    "or session (PgBouncer: pool_mode)"
)

_MISSING = ("42P01", "42703")
"""PostgreSQL's SQLSTATEs of a missing table and a missing column; SQLite has a message only."""

_LOCKED = (errors.LockNotAvailable.sqlstate, errors.DeadlockDetected.sqlstate)

_TOO_LARGE = "54"
"""PostgreSQL's class of SQLSTATEs of a limit that the same write will exceed again."""

_WITHOUT_VALUES = ("08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58")
"""Classes of SQLSTATEs whose primary message names what is in the schema, and never a value (PostgreSQL
documentation, "PostgreSQL Error Codes"). That of a data exception, class 22, quotes values.
"""

_POSTGRES = {
    "25006": "the database is read-only now and accepts no writes",
    "53100": "the disk of the database is full: free space on it, and work continues by itself",
}

_FULL = re.compile("could not write init file|No space left on device")
"""What PostgreSQL says of a full disk where it gives no SQLSTATE for it: while a connection begins (relcache.c)."""

_UNKNOWN_OPTION = re.compile(r'invalid (?:connection option|URI query parameter):? "(\w+)"')
"""What psycopg and libpq say of an option; without a URL, no SQLSTATE names it (fe-connect.c)."""

_SQLITE = {
    "SQLITE_FULL": _POSTGRES["53100"],
    "SQLITE_BUSY": "the database cannot be used now (another process has locked it for too long)",
    "SQLITE_LOCKED": "the database cannot be used now (another process has locked it for too long)",
    "SQLITE_READONLY": "the file of the database, or its folder, is read-only for this user: let this user write it",
    "SQLITE_PERM": "the file of the database, or its folder, is closed to this user: let this user write it",
    "SQLITE_CANTOPEN": "the file of the database cannot be opened: check that its folder exists, and who may write it",
    "SQLITE_IOERR": "the file of the database cannot be read or written: check its disk",
    "SQLITE_CORRUPT": "the file of the database is damaged: stop all processes, and restore a backup",
    "SQLITE_NOTADB": "the file of the database is no SQLite database: check HARKARA_DATABASE_URL",
}
"""SQLite's primary result codes; an extended one begins with its primary one (SQLite, "Result and Error Codes")."""


class LedgerError(HarkaraError):
    """The database refuses a write or lacks a table: a defect, or the schema of another release."""


class LockTimeout(Unavailable):
    """Another transaction held a lock for too long; the same work may succeed later."""


class NoConnectionLeft(Unavailable):
    """PostgreSQL has given all its connections to other sessions."""


class OtherSchema(LedgerError):
    """A table or a column of this release is missing: no write can succeed before a migration."""

    stops_all = True


class NoPrivilege(LedgerError):
    """The user of the database may not do what this release does: no write can succeed before a GRANT."""

    stops_all = True


class WrongEncoding(LedgerError):
    """The database cannot store every text."""

    stops_all = True


def translated(error: Exception) -> HarkaraError:
    """Return the error to raise in place of one of DRIVER_ERRORS."""
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None) or ""
    if state in _MISSING or re.match("no such (table|column)|.* has no column", str(cause)):
        return OtherSchema(OTHER_SCHEMA)
    if problem := _misconfigured(str(cause)):
        return LedgerError(problem)
    if state == errors.InsufficientPrivilege.sqlstate:
        return NoPrivilege(
            f"the user of the database lacks a privilege ({_reason(cause)}): grant it, or make this user the owner of "
            "the database; nothing is lost meanwhile"
        )
    if isinstance(cause, psycopg.OperationalError) and _FULL.search(str(cause)):
        state = errors.DiskFull.sqlstate
    if known := _POSTGRES.get(state) or _sqlite_sentence(cause):
        return Unavailable(known)
    retriable = isinstance(error, OperationalError | PoolTimeout | psycopg.OperationalError | sqlite3.OperationalError)
    if retriable and not state.startswith(_TOO_LARGE):
        return _unavailable(_reason(cause), state)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Unavailable("the connection to the database was lost")
    return LedgerError(f"the database refused a write: {_reason(cause)}")


def _misconfigured(said: str) -> str | None:
    """Return what an operator changes about the pooler or the URL, None for another error."""
    if "statement pooling" in said:
        return STATEMENT_MODE
    option = _UNKNOWN_OPTION.match(said)
    return f"the URL of the database has an option that libpq does not know: remove {option[1]}" if option else None


def _unavailable(reason: str, state: str) -> Unavailable:
    step = next_step(reason)
    kind = LockTimeout if state in _LOCKED else NoConnectionLeft if is_none_left(reason) else Unavailable
    return kind(f"the database cannot be used now ({reason})" + (f": {step}" if step else ""))


def encoding_problem(encoding: str) -> str | None:
    """Return why a database with this encoding cannot be the ledger, and the next step; None for UTF8."""
    if encoding == "UTF8":
        return None
    return (
        f"the database has the encoding {encoding}, which cannot store every text: create one with `CREATE DATABASE "
        "NAME ENCODING 'UTF8' TEMPLATE template0`, move existing data by pg_dump and pg_restore, and set "
        "HARKARA_DATABASE_URL to the new one"
    )


def _reason(cause: Any) -> str:
    """Return the reason of an error without the values that its text may quote."""
    if isinstance(cause, PoolTimeout):
        return "all connections of this process are in use"
    if isinstance(cause, errors._WaitTimeout):
        return "it does not answer in time"
    if isinstance(cause, psycopg.Error):
        return _postgres_reason(cause)
    return str(getattr(cause, "sqlite_errorname", None) or type(cause).__name__)


def _postgres_reason(cause: psycopg.Error) -> str:
    if cause.sqlstate is None:
        # Without a SQLSTATE it concerns the connection. libpq adds host and port before " failed: ".
        is_connection = isinstance(cause, psycopg.OperationalError)
        return _first_line(str(cause).rpartition(" failed: ")[2]) if is_connection else type(cause).__name__
    if cause.sqlstate.startswith(_WITHOUT_VALUES):
        return _first_line(cause.diag.message_primary or type(cause).__name__)
    places = {
        "table": cause.diag.table_name,
        "column": cause.diag.column_name,
        "constraint": cause.diag.constraint_name,
    }
    where = "".join(f", {kind} {name}" for kind, name in places.items() if name)
    return f"{type(cause).__name__} ({cause.sqlstate}){where}"


def _first_line(text: str) -> str:
    return text.strip().removeprefix("FATAL:").strip().split("\n")[0][:200]


def _sqlite_sentence(cause: Any) -> str | None:
    code = getattr(cause, "sqlite_errorname", None) or ""
    return _SQLITE.get("_".join(code.split("_")[:2]))
