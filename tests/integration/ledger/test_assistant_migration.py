"""The migration of the assistant: conversations and messages survive it in both directions."""

from __future__ import annotations

from sqlalchemy import select, text

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.tables import conversation
from tests.integration.ledger.steps import reply, row
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook, send_message


def test_conversations_and_messages_survive_the_migration_of_the_assistant(own_db: Database) -> None:
    sent = send_message(own_db, reply(1))
    deliver_webhooks(own_db, inbound_webhook("Hello", n=1))
    migrate.downgrade(own_db, "0024")
    with own_db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM conversation WHERE revision = 1")).scalar_one() == 1
    migrate.upgrade(own_db)
    with own_db.read() as tx:
        (found,) = tx.rows(select(conversation))
    assert (found["mode"], found["revision"], found["unanswered"], found["epoch"]) == ("assistant", 1, 0, 0)
    assert not found["greeted"]
    assert row(own_db, sent)["talk_person"] is None
    assert audit(own_db).clean
