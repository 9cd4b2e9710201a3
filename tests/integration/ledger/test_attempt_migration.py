"""The migration that makes attempts cheaper: they survive it in both directions."""

from __future__ import annotations

from sqlalchemy import inspect, select, text

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.tables import attempt
from tests.integration.ledger.steps import ACCEPTED, accept_messages, begin_posts, claim_messages, record_outcome, reply


def test_attempts_survive_the_migration_in_both_directions(database_url: str) -> None:
    db = Database(database_url)
    migrate.upgrade(db, "0012")
    indexes = declared_indexes(db)
    assert foreign_keys(db) == ["fk_attempt_message_id"]
    migrate.upgrade(db)
    assert foreign_keys(db) == []
    before = [post(db, 0)]
    migrate.downgrade(db, "0012")
    assert declared_indexes(db) == indexes
    assert foreign_keys(db) == ["fk_attempt_message_id"]
    migrate.upgrade(db)
    assert declared_indexes(db) == indexes
    before.append(post(db, 1))
    with db.read() as tx:
        rows = tx.rows(select(attempt.c.message_id, attempt.c.outcome).order_by(attempt.c.message_id))
    assert rows == [{"message_id": identity, "outcome": "accepted"} for identity in sorted(before)]
    assert audit(db).clean
    db.close()


def post(db: Database, n: int) -> str:
    (claimed,) = claim_messages(db, *accept_messages(db, reply(n)))
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    return claimed.id


def foreign_keys(db: Database) -> list[str | None]:
    return [key["name"] for key in inspect(db.engine).get_foreign_keys("attempt")]


def declared_indexes(db: Database) -> set[str]:
    """Return the statements that would create the indexes of attempts, with their conditions."""
    query = (
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'attempt' AND type = 'index' AND sql IS NOT NULL"
        if db.sqlite
        else "SELECT indexdef FROM pg_indexes WHERE tablename = 'attempt'"
    )
    with db.read() as tx:
        return {" ".join(definition.split()) for (definition,) in tx.execute(text(query))}
