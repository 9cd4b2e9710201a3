"""The migration of goals and alarms: messages survive it in both directions."""

from __future__ import annotations

from harkara.ledger import migrate
from harkara.ledger.alarms.alarms import list_alarms
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from tests.integration.ledger.alarms import open_one
from tests.integration.ledger.steps import accept_messages, reply, row


def test_messages_survive_the_migration_of_goals_and_alarms(own_db: Database) -> None:
    (identity,) = accept_messages(own_db, reply())
    before = row(own_db, identity)
    open_one(own_db, "slack")
    migrate.downgrade(own_db, "0014")
    migrate.upgrade(own_db)
    assert (row(own_db, identity), list_alarms(own_db)) == (before, [])
    assert open_one(own_db)
    assert audit(own_db).clean
