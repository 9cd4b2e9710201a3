"""Rows that the database refuses, as a defect of a release would make them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from harkara.ledger.database import Database


@contextmanager
def poisoned(db: Database, when: str, table: str, condition: str) -> Iterator[None]:
    """Let a transaction fail at its commit that writes such a row, `when` INSERT or UPDATE."""
    create, drop = (_SQLITE, _DROP_SQLITE) if db.sqlite else (_POSTGRES, _DROP_POSTGRES)
    _execute(db, create, when, table, condition)
    try:
        yield
    finally:
        _execute(db, drop, when, table, condition)


_POSTGRES = (
    "CREATE FUNCTION poison() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$ LANGUAGE plpgsql",
    "CREATE CONSTRAINT TRIGGER poison AFTER {when} ON {table} DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW WHEN (NEW.{condition}) EXECUTE FUNCTION poison()",
)
_DROP_POSTGRES = ("DROP TRIGGER poison ON {table}", "DROP FUNCTION poison")
_SQLITE = (
    "CREATE TABLE poison_parent (id TEXT PRIMARY KEY)",
    "CREATE TABLE poison_child (id TEXT REFERENCES poison_parent DEFERRABLE INITIALLY DEFERRED)",
    "CREATE TRIGGER poison AFTER {when} ON {table} WHEN NEW.{condition}"
    " BEGIN INSERT INTO poison_child VALUES ('none'); END",
)
_DROP_SQLITE = ("DROP TRIGGER poison", "DROP TABLE poison_child", "DROP TABLE poison_parent")


def _execute(db: Database, statements: tuple[str, ...], when: str, table: str, condition: str) -> None:
    with db.write() as tx:
        for statement in statements:
            tx.execute(text(statement.format(when=when, table=table, condition=condition)))
