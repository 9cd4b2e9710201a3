"""The URL of a database may name a primary and its standbys, in the form of SQLAlchemy or of libpq."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harkara.ledger.database_url import read_url
from harness.postgres import PostgresServer, postgres, standby
from harness.waiting import wait_until


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p%40w@a:5432,b:5433/harkara",
        "postgresql://me:p%40w@/harkara?host=a:5432&host=b:5433",
        "postgresql+psycopg://me:p%40w@/harkara?host=a,b&port=5432,5433",
    ],
)
def test_of_several_servers_the_one_that_accepts_writes_is_used(url: str) -> None:
    found = read_url(url)
    _, options = found.get_dialect()().create_connect_args(found)
    expected = {"host": "a,b", "port": "5432,5433", "target_session_attrs": "read-write"}
    assert options == {"user": "me", "password": "p@w", "dbname": "harkara", **expected}


def test_another_choice_of_the_server_stays() -> None:
    assert read_url("postgresql://a,b/harkara?target_session_attrs=any").query["target_session_attrs"] == "any"
    assert "target_session_attrs" not in read_url("postgresql://a/harkara").query


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    fast = ("-c", "fsync=off")
    with postgres(*fast) as primary, standby(primary, *fast) as following:
        yield primary, following


def test_connections_lead_to_the_standby_when_it_is_promoted(pair: tuple[PostgresServer, PostgresServer]) -> None:
    """The standby is first in the URL: while it only follows, connections lead to the other one."""
    primary, following = pair
    url = f"postgresql://harkara@127.0.0.1:{following.port},127.0.0.1:{primary.port}/postgres"
    db = Database(url, lock_timeout=2)
    try:
        assert port(db) == primary.port
        with primary.connect() as admin:
            admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            admin.execute("SELECT pg_reload_conf()")
        with db.write() as tx:
            tx.execute(text("CREATE TABLE kept AS SELECT 1 AS number"))
        primary.kill()
        with pytest.raises(Unavailable):
            port(db)
        following.promote()
        wait_until(lambda: next_number(db) == 2, 60, "the promoted standby accepts writes, and has the last commit")
        wait_until(lambda: port(db) == following.port, 60, "the promoted standby is used")
    finally:
        db.close()


def port(db: Database) -> int:
    with db.read() as tx:
        return int(tx.execute(text("SELECT inet_server_port()")).scalar_one())


def next_number(db: Database) -> int | None:
    try:
        with db.write() as tx:
            return int(tx.execute(text("INSERT INTO kept SELECT number + 1 FROM kept RETURNING number")).scalar_one())
    except Unavailable:  # a connection to the former primary fails once
        return None
