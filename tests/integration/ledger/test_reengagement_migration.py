"""The migration of the re-engagement: conversations survive it in both directions."""

from __future__ import annotations

from sqlalchemy import select, text

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.tables import conversation
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook


def test_conversations_survive_the_migration_of_the_reengagement(own_db: Database) -> None:
    deliver_webhooks(own_db, inbound_webhook("Hello", n=1))
    migrate.downgrade(own_db, "0028")
    with own_db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM conversation WHERE revision = 1")).scalar_one() == 1
    migrate.upgrade(own_db)
    with own_db.read() as tx:
        (found,) = tx.rows(select(conversation))
    assert (found["revision"], found["reengaged_at"]) == (1, None)
    assert audit(own_db).clean
