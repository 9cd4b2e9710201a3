"""The migration that keeps the first due time: messages survive it in both directions."""

from __future__ import annotations

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from tests.integration.ledger.steps import accept_messages, reply, row


def test_messages_survive_the_migration_of_the_first_due_time(own_db: Database) -> None:
    (identity,) = accept_messages(own_db, reply())
    due = row(own_db, identity)["due_at"]
    assert row(own_db, identity)["planned_at"] == due
    migrate.downgrade(own_db, "0009")
    migrate.upgrade(own_db)
    assert (row(own_db, identity)["due_at"], row(own_db, identity)["planned_at"]) == (due, None)
    assert audit(own_db).clean
