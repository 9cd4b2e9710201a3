"""The migration that keeps the first due time: messages survive it in both directions."""

from __future__ import annotations

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from tests.integration.ledger.steps import accept_messages, reply, row


def test_messages_survive_the_migration_of_the_first_due_time(database_url: str) -> None:
    db = Database(database_url)
    migrate.upgrade(db)
    (identity,) = accept_messages(db, reply())
    due = row(db, identity)["due_at"]
    assert row(db, identity)["planned_at"] == due
    migrate.downgrade(db, "0009")
    migrate.upgrade(db)
    assert (row(db, identity)["due_at"], row(db, identity)["planned_at"]) == (due, None)
    assert audit(db).clean
    db.close()
