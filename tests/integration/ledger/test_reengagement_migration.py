"""The migration of the re-engagement: conversations survive it in both directions."""

from __future__ import annotations

from sqlalchemy import select, text

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.tables import conversation
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook


def test_conversations_survive_the_migration_of_the_reengagement(database_url: str) -> None:
    db = Database(database_url)
    migrate.upgrade(db)
    deliver_webhooks(db, inbound_webhook("Hello", n=1))
    migrate.downgrade(db, "0028")
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM conversation WHERE revision = 1")).scalar_one() == 1
    migrate.upgrade(db)
    with db.read() as tx:
        (found,) = tx.rows(select(conversation))
    assert (found["revision"], found["reengaged_at"]) == (1, None)
    assert audit(db).clean
    db.close()
