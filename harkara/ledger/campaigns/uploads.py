"""Uploads in the ledger: CSV files that campaigns are loaded from, each for a day."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import delete, insert, select
from uuid_utils import uuid7

from harkara.campaigns.excel import convert_excel
from harkara.campaigns.sheet import examine
from harkara.errors import Invalid, NotFound
from harkara.json_record import JsonRecordSeconds, TimestampSeconds
from harkara.ledger.database import Database
from harkara.ledger.tables import upload, upload_part
from harkara.ledger.transaction import Row, Transaction
from harkara.people.printable import drop_unprintable

MAX_BYTES: Final = 50 * 1024 * 1024
"""Bytes of one upload."""

KEPT: Final = timedelta(days=1)

PART_BYTES = 1024 * 1024
"""Bytes in one transaction, so that other transactions wait only briefly."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Upload(JsonRecordSeconds):
    """An uploaded file. It is deleted at `expires_at`."""

    id: str
    lane: str
    name: str
    """The file's name."""
    size: int
    """Its size in bytes."""
    lines: int
    created_at: TimestampSeconds
    expires_at: TimestampSeconds


@contextmanager
def temporary_file() -> Iterator[Path]:
    """Give a path in a new folder that only this user can read. It is deleted at the end."""
    with TemporaryDirectory(prefix="harkara-") as folder:
        yield Path(folder) / "file"


def store_upload(db: Database, file: Path, name: str, lane: str) -> Upload:
    """Store a file that is a CSV, under its `name` as the client gave it. It exists when its last part is committed.

    An Excel file is replaced by the CSV of its first visible sheet, which the name then says.

    Raises Invalid, before anything is stored, for any other file or one that is too large; and Unavailable.
    """
    if (given := file.stat().st_size) > MAX_BYTES:
        raise Invalid("file", "at most 50 MB", f"this has {given:,} bytes")
    if of := convert_excel(file):
        name = f"{name}, sheet {of}"
    if (size := file.stat().st_size) > MAX_BYTES:
        raise Invalid("file", "at most 50 MB as CSV", f"this has {size:,} bytes")
    sheet = examine(file)
    shown = drop_unprintable(name).strip()[-200:] or "upload.csv"
    identity, parts = f"upl_{uuid7().hex}", 0
    with file.open("rb") as opened:
        while content := opened.read(PART_BYTES):
            with db.write() as tx:
                part = {"upload_id": identity, "number": parts, "content": content, "created_at": tx.now}
                tx.execute(insert(upload_part), part)
            parts += 1
    row = {"id": identity, "lane": lane, "name": shown, "size": size, "lines": sheet.lines, "parts": parts}
    with db.write() as tx:
        row["created_at"] = tx.now
        tx.execute(insert(upload), row)
    return _upload(row)


def get_upload(db: Database, identity: str, *, lanes: Collection[str] | None = None) -> Upload:
    """Return the upload with this id, in one of `lanes` or in any lane. Raises NotFound."""
    with db.read() as tx:
        return _upload(_find(tx, identity, lanes))


@contextmanager
def opened_upload(db: Database, identity: str, *, lanes: Collection[str] | None = None) -> Iterator[Path]:
    """Give the uploaded file as a temporary one. Raises NotFound."""
    with temporary_file() as path:
        with db.read() as tx, path.open("wb") as file:
            found = _find(tx, identity, lanes)
            for number in range(found["parts"]):
                part = select(upload_part.c.content).where(
                    upload_part.c.upload_id == identity, upload_part.c.number == number
                )
                if (content := tx.execute(part).scalar()) is None:
                    raise _gone()  # deleted meanwhile
                file.write(content)
        yield path


def delete_upload(db: Database, identity: str, *, lanes: Collection[str] | None = None) -> None:
    """Delete an upload. Campaigns that were loaded from it are not affected. Raises NotFound."""
    with db.write() as tx:
        _find(tx, identity, lanes)
        tx.execute(delete(upload_part).where(upload_part.c.upload_id == identity))
        tx.execute(delete(upload).where(upload.c.id == identity))


def delete_old_uploads(tx: Transaction) -> int:
    """Delete uploads after their day, and parts of uploads that were interrupted; return the number of parts."""
    before = tx.now - KEPT
    tx.execute(delete(upload).where(upload.c.created_at < before))
    return tx.execute(delete(upload_part).where(upload_part.c.created_at < before)).rowcount


def delete_all_uploads(tx: Transaction) -> int:
    """Delete every upload and return their number: a person may be in any of them, under any spelling."""
    tx.execute(delete(upload_part))
    return tx.execute(delete(upload)).rowcount


def _find(tx: Transaction, identity: str, lanes: Collection[str] | None) -> Row:
    query = select(upload).where(upload.c.id == identity, upload.c.created_at >= tx.now - KEPT)
    rows = tx.rows(query if lanes is None else query.where(upload.c.lane.in_(lanes)))
    if not rows:
        raise _gone()
    return rows[0]


def _gone() -> NotFound:
    return NotFound("no upload has this id; an upload is deleted after a day")


def _upload(row: Row) -> Upload:
    names = ("id", "lane", "name", "size", "lines", "created_at")
    return Upload(**{name: row[name] for name in names}, expires_at=row["created_at"] + KEPT)
