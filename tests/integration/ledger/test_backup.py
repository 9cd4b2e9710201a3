"""A backup of the ledger: it can be restored, only its owner reads it, and a failed one leaves no file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from harkara.errors import Invalid
from harkara.ledger.audit import audit
from harkara.ledger.backup import BackupFailed, back_up
from harkara.ledger.database import Database
from harness.ledger import copied_ledger, migrated
from harness.postgres import PostgresServer
from tests.acceptance.full_disk import small_disk
from tests.integration.ledger.steps import accept_messages, reply, row, states_of


def test_a_copy_of_a_sqlite_ledger_is_one_private_file_with_all_that_was_committed(tmp_path: Path) -> None:
    db = Database(migrated(f"sqlite:///{tmp_path / 'harkara.db'}"))
    (committed,) = accept_messages(db, reply(1))
    file = tmp_path / "monday.backup"
    with db.write() as tx:  # another writer does not stop it
        tx.now  # noqa: B018
        size = back_up(Database(str(db.url)), file, os.environ)
    assert (size, file.stat().st_mode & 0o777) == (file.stat().st_size, 0o600)
    accept_messages(db, reply(2))
    db.close()
    assert sorted(path.name for path in tmp_path.iterdir() if "monday" in path.name) == ["monday.backup"]

    restored = Database(f"sqlite:///{file}")
    assert states_of(restored, [committed]) == ["waiting"]
    assert (audit(restored).messages, audit(restored).clean) == (1, True)
    restored.close()


def test_a_dump_of_a_postgresql_ledger_is_restored_by_pg_restore(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    needs_pg_dump()
    db = Database(copied_ledger(postgres_server))
    (stored,) = accept_messages(db, reply(1))
    file = tmp_path / "ledger.dump"
    assert back_up(db, file, os.environ) == file.stat().st_size > 1000
    assert file.stat().st_mode & 0o777 == 0o600
    url = postgres_server.create_database(f"t{uuid4().hex}")
    target = url.replace("+psycopg", "")
    subprocess.run(["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={target}", str(file)], check=True)
    restored = Database(url)
    assert row(restored, stored) == row(db, stored)
    db.close()
    restored.close()


def test_a_file_that_exists_is_never_replaced(tmp_path: Path) -> None:
    db = Database(migrated(f"sqlite:///{tmp_path / 'harkara.db'}"))
    file = tmp_path / "monday.backup"
    file.write_text("last week")
    with pytest.raises(Invalid, match="exists already"):
        back_up(db, file, os.environ)
    assert file.read_text() == "last week"
    db.close()


def test_a_second_backup_of_the_same_name_does_not_write_into_the_first(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """It would succeed, and pg_restore --list, which reads the beginning, would find no fault in the mixture."""
    needs_pg_dump()
    db, file = Database(copied_ledger(postgres_server)), tmp_path / "ledger.dump"
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    os.mkfifo(begun)
    os.mkfifo(go_on)
    slow = tmp_path / "bin" / "pg_dump"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\necho begun > {begun}\nread line < {go_on}\nexec {shutil.which("pg_dump")} "$@"\n')
    slow.chmod(0o755)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(back_up, db, file, os.environ | {"PATH": f"{slow.parent}:{os.environ['PATH']}"})
        begun.read_text()
        try:
            with pytest.raises(
                Invalid, match=r"another backup is writing .*ledger\.dump: wait for it, or give another"
            ):
                back_up(db, file, os.environ)
        finally:
            go_on.write_text("\n")
        assert first.result() == file.stat().st_size
    db.close()


def test_what_a_killed_backup_has_left_is_replaced(tmp_path: Path) -> None:
    db = Database(migrated(f"sqlite:///{tmp_path / 'harkara.db'}"))
    left = tmp_path / "monday.backup.part"
    left.write_bytes(b"half of a backup" * 100_000)
    left.chmod(0o644)
    file = tmp_path / "monday.backup"
    assert back_up(db, file, os.environ) == file.stat().st_size
    assert (file.read_bytes()[:6], file.stat().st_mode & 0o777, left.exists()) == (b"SQLite", 0o600, False)
    db.close()


def test_the_full_disk_of_a_backup_is_not_taken_for_that_of_the_ledger(tmp_path: Path) -> None:
    db = Database(migrated(f"sqlite:///{tmp_path / 'harkara.db'}"))
    with small_disk(1) as disk, disk.full():
        file = disk.folder / "monday.backup"
        with pytest.raises(BackupFailed, match=f"the disk of {disk.folder} is full: free space on its disk, or name"):
            back_up(db, file, os.environ)
        assert not file.exists()
    db.close()


def test_a_name_that_no_file_may_have_is_refused(tmp_path: Path) -> None:
    db = Database(migrated(f"sqlite:///{tmp_path / 'harkara.db'}"))
    for length in (255, 300):  # the part has a longer one
        with pytest.raises(Invalid, match="cannot be written: File name too long"):
            back_up(db, tmp_path / ("b" * length), os.environ)
    db.close()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    db = Database(migrated(f"sqlite:///{tmp_path / 'harkara.db'}"))
    with pytest.raises(Invalid, match="cannot be written: No such file"):
        back_up(db, tmp_path / "missing" / "monday.backup", os.environ)
    db.close()


def test_a_damaged_ledger_leaves_no_backup(tmp_path: Path) -> None:
    file = tmp_path / "harkara.db"
    db = Database(migrated(f"sqlite:///{file}"))
    accept_messages(db, *(reply(n) for n in range(50)))
    db.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'uq_message_reference_lane'"
        ).fetchone()
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with file.open("rb+") as damaged:
        damaged.seek((root[0] - 1) * size)
        damaged.write(b"\xff" * size)
    with pytest.raises(Exception, match="damaged"):
        back_up(Database(f"sqlite:///{file}"), tmp_path / "monday.backup", os.environ)
    assert not [path for path in tmp_path.iterdir() if "monday" in path.name]


def test_without_pg_dump_it_says_what_to_install(tmp_path: Path, postgres_server: PostgresServer) -> None:
    db = Database(postgres_server.url)
    with pytest.raises(BackupFailed, match="pg_dump and pg_restore is not on the PATH: install"):
        back_up(db, tmp_path / "ledger.dump", {"PATH": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
    db.close()


def test_a_dump_that_fails_leaves_no_file_and_no_password_in_the_error(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    needs_pg_dump()
    url = postgres_server.database_url("missing").replace("harkara@", "harkara:a-secret@")
    with pytest.raises(BackupFailed, match=r"pg_dump ended with status 1: .*does not exist") as failed:
        back_up(Database(url), tmp_path / "ledger.dump", os.environ)
    assert "a-secret" not in str(failed.value)
    assert list(tmp_path.iterdir()) == []


def needs_pg_dump() -> None:
    if shutil.which("pg_dump") is None or shutil.which("pg_restore") is None:
        pytest.skip("no pg_dump on this machine")
