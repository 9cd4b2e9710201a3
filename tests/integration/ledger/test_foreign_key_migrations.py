"""The migrations that drop the foreign keys of attempts and traces: the rows survive them in both directions."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from tests.integration.ledger.campaigns import REFUSED
from tests.integration.ledger.steps import accept_messages, begin_posts, claim_messages, record_outcome, reply


@pytest.mark.parametrize(("table", "before"), [("attempt", "0012"), ("trace", "0029")])
def test_rows_survive_the_migration_in_both_directions(database_url: str, table: str, before: str) -> None:
    key = [f"fk_{table}_message_id"]
    db = Database(database_url)
    migrate.upgrade(db, before)
    indexes = declared_indexes(db, table)
    assert foreign_keys(db, table) == key
    migrate.upgrade(db)
    assert foreign_keys(db, table) == []
    failed = [fail(db, 0)]
    migrate.downgrade(db, before)
    assert declared_indexes(db, table) == indexes
    assert foreign_keys(db, table) == key
    migrate.upgrade(db)
    assert declared_indexes(db, table) == indexes
    failed.append(fail(db, 1))
    with db.read() as tx:
        rows = tx.execute(text(f"SELECT message_id FROM {table} ORDER BY message_id")).scalars().all()
    assert rows == sorted(failed)
    assert audit(db).clean
    db.close()


def fail(db: Database, n: int) -> str:
    """Write one attempt and one line of a trace."""
    (claimed,) = claim_messages(db, *accept_messages(db, reply(n)))
    begin_posts(db, claimed)
    record_outcome(db, claimed, REFUSED)
    return claimed.id


def foreign_keys(db: Database, table: str) -> list[str | None]:
    return [key["name"] for key in inspect(db.engine).get_foreign_keys(table)]


def declared_indexes(db: Database, table: str) -> set[str]:
    """Return the statements that would create the indexes of the table, with their conditions."""
    query = (
        "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type = 'index' AND sql IS NOT NULL"
        if db.sqlite
        else "SELECT indexdef FROM pg_indexes WHERE tablename = :name"
    )
    with db.read() as tx:
        return {" ".join(definition.split()) for (definition,) in tx.execute(text(query), {"name": table})}
