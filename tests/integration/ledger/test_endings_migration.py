"""The migration that adds no-shows and messages after an occasion, with data, in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from harkara.ledger import migrate
from harkara.ledger.database import Database

VERSIONS = Path(migrate.__file__).parent / "migrations" / "versions"
(FILE,) = VERSIONS.glob("*_endings_of_occasions.py")
OWN = FILE.name.partition("_")[0]
BEFORE = f"{int(OWN) - 1:04}"
AT = "'2031-12-05 18:29:59.999999'"


def insert(connection: Connection, identity: str, status: str) -> None:
    columns = (
        "id, reference, kind, lane, producer, recipient, at, zone, revision, rules, status, created_at, changed_at"
    )
    values = (
        f"'{identity}', '{identity}', 'visit', 'default', 'default', '919876500001', {AT}, 'Asia/Kolkata', 1, '', "
        f"'{status}', {AT}, {AT}"
    )
    connection.execute(text(f"INSERT INTO occasion ({columns}) VALUES ({values})"))


def statuses(db: Database) -> dict[str, str]:
    with db.connection() as connection:
        rows = connection.execute(text("SELECT id, status FROM occasion ORDER BY id"))
        return {identity: status for identity, status in rows}


def refused(db: Database, status: str) -> bool:
    with db.connection() as connection:
        try:
            insert(connection, "refused", status)
        except IntegrityError:
            return True
        finally:
            connection.rollback()
    return False


def test_the_rows_stay_and_a_no_show_becomes_a_cancellation_in_the_release_before(database_url: str) -> None:
    db = Database(database_url)
    migrate.upgrade(db, BEFORE)
    assert refused(db, "no-show")
    with db.connection() as connection:
        for status in ("open", "cancelled", "completed"):
            insert(connection, status, status)
        connection.commit()
    migrate.upgrade(db, OWN)
    assert statuses(db) == {"cancelled": "cancelled", "completed": "completed", "open": "open"}
    assert not refused(db, "no-show")
    assert refused(db, "lost")
    with db.connection() as connection:
        insert(connection, "absent", "no-show")
        connection.commit()
    migrate.downgrade(db, BEFORE)
    assert statuses(db)["absent"] == "cancelled"
    assert refused(db, "no-show")
    assert refused(db, "lost")
    with db.connection() as connection:
        at = connection.execute(text("SELECT at, reason FROM occasion WHERE id = 'absent'")).one()
    assert "59.999999" in str(at[0])
    assert at[1] == "no-show"
    migrate.upgrade(db, OWN)
    db.close()


@pytest.mark.parametrize("column", ["closed_at", "follow_up_until"])
def test_a_process_of_the_release_before_inserts_without_the_new_columns(database_url: str, column: str) -> None:
    db = Database(database_url)
    migrate.upgrade(db, OWN)
    with db.connection() as connection:
        insert(connection, "old", "open")
        connection.commit()
        assert connection.execute(text(f"SELECT {column} FROM occasion")).scalar() is None
    db.close()
