"""Errors of the drivers keep their reason and lose the values that they quote."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import bindparam, insert, select, text

from harkara.errors import HarkaraError, Invalid, Unavailable
from harkara.ledger.connection_errors import next_step
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LedgerError, translated
from harkara.ledger.messages.insert_rows import insert_messages, message_row
from harkara.ledger.tables import lease, message
from harkara.ledger.transaction import Transaction
from harkara.shared_defaults import DEADLINES
from harness.ports import free_port
from harness.postgres import PostgresServer
from tests.integration.ledger.steps import reply

SECRET = "swordfish 919876543210"
ROW = {"name": "swordfish", "holder": SECRET}


def twice_the_same(tx: Transaction) -> None:
    now = {"until": tx.now, "done_at": None}
    tx.execute(insert(lease), [ROW | now, ROW | now])


def without_a_needed_value(tx: Transaction) -> None:
    tx.execute(insert(lease), ROW | {"until": None, "done_at": None})


def no_time(tx: Transaction) -> None:
    tx.execute(insert(lease), ROW | {"until": SECRET, "done_at": None})


def an_unknown_type(tx: Transaction) -> None:
    tx.execute(text("SELECT :it").bindparams(bindparam("it", object())))


def half_a_surrogate_pair(tx: Transaction) -> None:
    tx.execute(select(lease.c.name).where(lease.c.name == f"{SECRET} \ud83d"))


def too_large_a_number(tx: Transaction) -> None:
    tx.execute(select(message.c.id).where(message.c.tries == 10**30))


def invalid_json(tx: Transaction) -> None:
    function = "json(:it)" if tx.sqlite else "CAST(CAST(:it AS text) AS json)"
    tx.execute(text(f"SELECT {function}"), {"it": f"{{{SECRET}"})


def no_row(tx: Transaction) -> None:
    tx.execute(select(lease.c.name).where(lease.c.name == SECRET)).one()


FAULTS = [
    twice_the_same,
    without_a_needed_value,
    no_time,
    an_unknown_type,
    half_a_surrogate_pair,
    too_large_a_number,
    invalid_json,
    no_row,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.replace("_", " "))
def test_no_value_passes_the_ledger_in_an_error(db: Database, fault: Callable[[Transaction], None]) -> None:
    with pytest.raises(HarkaraError) as raised, db.write() as tx:
        fault(tx)
    shown = "".join(traceback.format_exception(raised.value))
    for value in SECRET.split():
        assert value not in shown.replace(__file__, "")
    assert "database" in str(raised.value)


def test_the_reason_of_a_refused_write_names_what_is_in_the_schema(db: Database) -> None:
    with pytest.raises(LedgerError) as raised, db.write() as tx:
        twice_the_same(tx)
    of_postgres = f"UniqueViolation (23505), table {lease.name}, constraint pk_{lease.name}"
    expected = "SQLITE_CONSTRAINT_PRIMARYKEY" if db.sqlite else of_postgres
    assert str(raised.value) == f"the database refused a write: {expected}"


@pytest.mark.parametrize("number", [1, 2], ids=["one", "several"])
@pytest.mark.parametrize("value", [f"{SECRET} \0", f"{SECRET} \ud83d"])
def test_no_value_passes_in_an_error_of_a_bulk(migrated_url: str, value: str, number: int) -> None:
    db = Database(migrated_url)
    rows = [message_row(reply(n), datetime.now(UTC), DEADLINES) | {"body": value} for n in range(number)]
    with pytest.raises(LedgerError) as raised, db.write() as tx:
        insert_messages(tx, rows)
    assert "swordfish" not in "".join(traceback.format_exception(raised.value)).replace(__file__, "")
    db.close()


def test_an_error_of_our_own_passes_the_ledger_as_it_is(db: Database) -> None:
    with pytest.raises(KeyError, match="ours"), db.write():
        raise KeyError("ours")


def reason(url: str) -> str:
    """Return why the database of this URL cannot be used."""
    db = Database(url, lock_timeout=0.5)
    try:
        with pytest.raises(Unavailable) as raised, db.read() as tx:
            tx.execute(text("SELECT 1"))
        return str(raised.value)
    finally:
        db.close()


def test_a_database_that_cannot_be_reached_says_why(postgres_server: PostgresServer) -> None:
    server = f"postgresql://harkara:swordfish@127.0.0.1:{postgres_server.port}"
    in_url = "in the URL of the database"
    missing = f'database "missing" does not exist): create it, or correct its name {in_url}'
    assert reason(f"{server}/missing") == f"the database cannot be used now ({missing}"
    refused = reason(f"postgresql://harkara:swordfish@127.0.0.1:{free_port()}/x")
    runs = f"see that the server runs at the host and port {in_url}"
    assert refused == f"the database cannot be used now (Connection refused): {runs}"
    unknown = reason(f"{server.replace('harkara', 'stranger')}/postgres")
    stranger = f'role "stranger" does not exist): correct the user {in_url}, or create this one'
    assert unknown == f"the database cannot be used now ({stranger}"
    unresolved = "failed to resolve host 'db': [Errno -2] Name or service not known"  # of psycopg
    assert next_step(unresolved) == f"correct the host {in_url}"


def test_an_option_that_libpq_does_not_know_is_named_without_its_value(postgres_server: PostgresServer) -> None:
    db = Database(f"{postgres_server.url}?pasword=swordfish")
    with pytest.raises(LedgerError) as raised, db.read() as tx:
        tx.execute(text("SELECT 1"))
    assert str(raised.value) == "the URL of the database has an option that libpq does not know: remove pasword"
    db.close()


@pytest.mark.parametrize("says", ["could not write init file", 'could not extend file "1": No space left on device'])
def test_a_full_disk_without_a_code_is_named_while_a_connection_begins(says: str) -> None:
    refused = psycopg.OperationalError(f'connection to server at "10.0.0.1", port 5432 failed: FATAL:  {says}')
    assert str(translated(refused)).startswith("the disk of the database is full: ")


def test_no_folder_is_created_for_a_wrong_path(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=f"in a folder that exists, and {tmp_path}/no does not"):
        Database(f"sqlite:///{tmp_path / 'no' / 'ledger.db'}")
    assert not (tmp_path / "no").exists()


def garbage(folder: Path) -> str:
    file = folder / "letters.db"
    file.write_text(SECRET * 1000)
    return f"sqlite:///{file}"


def folder_of_this_name(folder: Path) -> str:
    return f"sqlite:///{folder}"


def read_only(folder: Path) -> str:
    sqlite3.connect(folder / "ledger.db").close()
    return f"sqlite:///file:{folder / 'ledger.db'}?mode=ro&uri=true"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (garbage, "no SQLite database"),
        (folder_of_this_name, "cannot be opened"),
        (read_only, "read-only for this user"),
    ],
)
def test_a_file_that_is_no_ledger_says_what_to_do(tmp_path: Path, place: Any, expected: str) -> None:
    assert expected in reason(place(tmp_path))


def test_a_locked_database_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    first, second = Database(url), Database(url, lock_timeout=0.2)
    with first.write(), pytest.raises(Unavailable, match="another process has locked it"), second.write():
        pass
    first.close()
    second.close()
