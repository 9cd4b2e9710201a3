"""The migration that keeps fallbacks: its data survive it in both directions."""

from __future__ import annotations

from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import update

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.tables import event
from harkara.messages import Template
from tests.integration.ledger.steps import reply, row
from tests.integration.ledger.webhooks import (
    deliver_webhooks,
    preference_webhook,
    send_message,
    state_of,
    status_webhook,
    store_webhooks,
    stored_events,
)

ROOT = Path(__file__).resolve().parents[3]


def release_before() -> str:
    scripts = ScriptDirectory(str(ROOT / "harkara/ledger/migrations")).walk_revisions()
    (before,) = (str(each.down_revision) for each in scripts if each.path.endswith("_fallback_to_the_end.py"))
    return before


def test_messages_and_unread_choices_survive_the_migration_of_fallbacks(own_db: Database) -> None:
    fallback = Template("table_ready")
    accepted, replaced = (
        send_message(own_db, reply(1, fallback=fallback)),
        send_message(own_db, reply(2, fallback=fallback)),
    )
    deliver_webhooks(own_db, status_webhook(own_db, "failed", n=2, error={"code": 131047}))
    store_webhooks(own_db, preference_webhook("stop"))
    with own_db.write() as tx:
        unread = event.c.state == "new"
        tx.execute(update(event).where(unread).values(state="unknown", about="user.preferences"))
    migrate.downgrade(own_db, release_before())
    migrate.upgrade(own_db)
    assert [state_of(own_db, message_id) for message_id in (accepted, replaced)] == ["accepted", "waiting"]
    assert row(own_db, accepted)["fallback"] is None, "the release before erases it"
    assert [each["state"] for each in stored_events(own_db)] == ["folded", "new"]
    assert audit(own_db).clean
