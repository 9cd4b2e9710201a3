"""The migration of goals and alarms: messages survive it in both directions."""

from __future__ import annotations

from harkara.ledger import migrate
from harkara.ledger.alarms.alarms import list_alarms
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from tests.integration.ledger.alarms import open_one
from tests.integration.ledger.steps import accept_messages, reply, row


def test_messages_survive_the_migration_of_goals_and_alarms(database_url: str) -> None:
    db = Database(database_url)
    migrate.upgrade(db)
    (identity,) = accept_messages(db, reply())
    before = row(db, identity)
    open_one(db, "slack")
    migrate.downgrade(db, "0014")
    migrate.upgrade(db)
    assert (row(db, identity), list_alarms(db)) == (before, [])
    assert open_one(db)
    assert audit(db).clean
    db.close()
