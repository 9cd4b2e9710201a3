"""Uploads: CSV files in the ledger, each for a day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from harkara.campaigns.sheet import examine, suggest_mapping
from harkara.errors import Invalid, NotFound
from harkara.ledger import migrate
from harkara.ledger.campaigns.uploads import PART_BYTES, delete_upload, get_upload, opened_upload, store_upload
from harkara.ledger.database import Database
from harkara.ledger.personal.erase import erase_person
from harkara.ledger.retention import erase_old
from harkara.ledger.tables import upload, upload_part
from harkara.ledger.users.acts import Actor
from harkara.people.mentions import Mentions

ROWS = b"Mobile,Name\n9876543210,Asha\n9876543211,Ravi\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(ROWS)
    return path


def counts(db: Database) -> tuple[int, ...]:
    with db.read() as tx:
        return tuple(int(tx.execute(select(func.count()).select_from(of)).scalar_one()) for of in (upload, upload_part))


def test_an_upload_of_several_parts_is_read_again_byte_by_byte(db: Database, file: Path) -> None:
    content = ROWS + b"9876543212,Sita\n" * (2 * PART_BYTES // 16)
    file.write_bytes(content)
    stored = store_upload(db, file, "diwali.csv", "default")
    assert (stored.name, stored.size, stored.lines) == ("diwali.csv", len(content), content.count(b"\n"))
    assert counts(db) == (1, 3)
    with opened_upload(db, stored.id) as path:
        assert path.read_bytes() == content
        assert path.parent.stat().st_mode & 0o077 == 0
    assert not path.exists()
    delete_upload(db, stored.id)
    assert counts(db) == (0, 0)


def test_an_upload_belongs_to_its_lane_and_is_deleted_after_a_day(db: Database, file: Path) -> None:
    stored = store_upload(db, file, "a.csv", "default")
    with pytest.raises(NotFound):
        get_upload(db, stored.id, lanes=["clinic"])
    assert get_upload(db, stored.id, lanes=["default"]) == stored
    assert not erase_old(db, None)["uploads"]
    with db.write() as tx:
        for of in (upload, upload_part):
            tx.execute(update(of).values(created_at=tx.now - timedelta(hours=25)))
    with pytest.raises(NotFound):
        get_upload(db, stored.id)
    assert erase_old(db, None)["uploads"] == 1
    assert counts(db) == (0, 0)


def test_parts_of_an_interrupted_upload_are_no_upload_and_are_deleted_too(db: Database, file: Path) -> None:
    stored = store_upload(db, file, "a.csv", "default")
    with db.write() as tx:  # as a process that dies before its last transaction leaves them
        tx.execute(upload.delete())
    with pytest.raises(NotFound):
        get_upload(db, stored.id)
    with db.write() as tx:
        tx.execute(update(upload_part).values(created_at=tx.now - timedelta(hours=25)))
    assert erase_old(db, None)["uploads"] == 1
    assert counts(db) == (0, 0)


def test_an_erasure_deletes_every_upload(db: Database, file: Path) -> None:
    store_upload(db, file, "a.csv", "default")
    assert erase_person(db, Mentions.of(["919876543210"]), "key", by=Actor("Asha", "command")).rows["upload"] == 1
    assert counts(db) == (0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "file: is empty; its first row must name the columns"),
        (b"PK\x03\x04rest", "file: is a damaged Excel file"),
        ("to\n9876543210\n".encode("utf-16-le"), "file: is not a text file"),
        ("to,name\n9876543210,Zoë\n".encode("latin-1"), "file: line 2 is not in UTF-8; save it as CSV UTF-8"),
    ],
)
def test_what_is_no_csv_is_refused_before_anything_is_stored(
    db: Database, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        store_upload(db, path, "a.csv", "default")
    assert str(refused.value).startswith(message)
    assert counts(db) == (0, 0)


def test_ten_million_rows_are_refused_by_their_number(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1,2\n" * 10_000_000)
    with pytest.raises(Invalid, match="at most 1,000,000 lines; divide it"):
        store_upload(db, path, "a.csv", "default")


def test_a_file_in_utf_16_with_formulas_in_its_header_is_read_as_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("'=1+1\tMobile Number\t<b>Name</b>\n1\t9876543210\tAsha\n", encoding="utf-16")
    found = examine(path)
    assert found.columns == ["=1+1", "Mobile Number", "<b>Name</b>"]
    assert (found.lines, found.first) == (2, [["1", "9876543210", "Asha"]])
    assert suggest_mapping(found.columns, ["to", "customer", "b name b"])["to"] == "Mobile Number"


def test_the_migration_of_uploads_goes_both_ways(own_db: Database, file: Path) -> None:
    store_upload(own_db, file, "a.csv", "default")
    migrate.downgrade(own_db, "0019")
    migrate.upgrade(own_db)
    assert counts(own_db) == (0, 0)
    store_upload(own_db, file, "a.csv", "default")
    assert counts(own_db) == (1, 1)
