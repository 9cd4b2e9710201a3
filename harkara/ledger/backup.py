"""Back the ledger up into one file, which is complete and can be read, or does not exist."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from harkara.errors import HarkaraError, Invalid
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import DRIVER_ERRORS, translated

_PROGRAMS: Final = ("pg_dump", "pg_restore")

_OTHER_DISK: Final = "free space on its disk, or name a file on another one"


class BackupFailed(HarkaraError):
    """The backup was not written; the message says why, and what to do."""


def back_up(db: Database, file: Path, environment: Mapping[str, str]) -> int:
    """Write the ledger as it is at one moment into a new file that only this user can read; return its bytes.

    Nothing has to stop for it. SQLite's own backup copies a SQLite file; `pg_dump`, which gets the `environment`,
    writes its custom format for PostgreSQL. Both are read again before the file gets its name. Raises Invalid for a
    file that exists or cannot be written, BackupFailed, and Unavailable.
    """
    _refuse_existing(file)
    with _unfinished(file) as part:
        if db.sqlite:
            _copy_sqlite(db, part)
        else:
            _dump_postgres(db, part, environment)
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        return part.stat().st_size


@contextmanager
def _unfinished(file: Path) -> Iterator[Path]:
    """Create an empty private file beside the wanted one; rename it if no error is raised, else delete it.

    It is locked meanwhile: a second backup would write into the same file. Raises Invalid.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Invalid("file", f"{file} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as held:
        _lock(held, file)
        try:
            _refuse_existing(file)  # the former holder of the lock may have written it
            held.truncate(0)  # what a backup has left that was killed
            part.chmod(0o600)
            yield part
            part.rename(file)
        except HarkaraError:
            raise
        except OSError as error:
            raise BackupFailed(f"{file} cannot be written: {error.strerror}; {_OTHER_DISK}") from None
        finally:
            part.unlink(missing_ok=True)


def _lock(held: BinaryIO, file: Path) -> None:
    """Lock the file until it is closed, also by the end of the process. Raises Invalid if another backup has it."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Invalid("file", f"another backup is writing {file}: wait for it, or give another name") from None


def _refuse_existing(file: Path) -> None:
    try:
        exists = file.exists()
    except OSError as error:  # a name that is too long, or a folder that this user may not enter
        raise Invalid("file", f"{file} cannot be written: {error.strerror}") from None
    if exists:
        raise Invalid("file", f"{file} exists already: give the name of a new file")


def _copy_sqlite(db: Database, part: Path) -> None:
    """Copy one moment of the database; in WAL mode, writers go on meanwhile."""
    try:
        with db.connection() as connection, closing(sqlite3.connect(part)) as copy:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            with _disk_of(part):
                source.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")  # one file: a copy in WAL mode may need two more
                found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    except DRIVER_ERRORS as error:
        raise translated(error) from error
    if found != "ok":
        raise BackupFailed(f"the copy is damaged ({found}): check the disks, then the ledger by `harkara audit`")


@contextmanager
def _disk_of(part: Path) -> Iterator[None]:
    """Raise BackupFailed for a full disk, which is that of the copy: the ledger is only read."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
            raise
        raise BackupFailed(f"the disk of {part.parent} is full: {_OTHER_DISK}") from None


def _dump_postgres(db: Database, part: Path, environment: Mapping[str, str]) -> None:
    if missing := [name for name in _PROGRAMS if shutil.which(name, path=environment.get("PATH")) is None]:
        raise BackupFailed(
            f"{' and '.join(missing)} is not on the PATH: install PostgreSQL's client programs, of the "
            "server's release or a newer one, or run pg_dump where the server runs"
        )
    url = db.url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    password = {"PGPASSWORD": db.url.password} if isinstance(db.url.password, str) else {}
    variables = {**environment, **password, "PGAPPNAME": "harkara-backup"}
    with part.open("wb") as output:
        _run(["pg_dump", "--format=custom", "--no-password", f"--dbname={url}"], output, variables)
    with Path(os.devnull).open("wb") as output:
        _run(["pg_restore", "--list", str(part)], output, variables)


def _run(command: list[str], output: BinaryIO, environment: Mapping[str, str]) -> None:
    """Run a program of PostgreSQL. Raises BackupFailed with what it says, which names tables and no row."""
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, env=environment, text=True)
    if done.returncode:
        said = " ".join(done.stderr.split())[-500:]
        raise BackupFailed(f"{command[0]} ended with status {done.returncode}: {said}")
