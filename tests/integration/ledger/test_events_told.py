"""Events are told to the application: each step of a message once, each message of a customer once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.tables import callback
from tests.integration.ledger.hooks import deliver_webhooks, inbound_webhook, send_message, status_webhook
from tests.integration.ledger.steps import reply


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'harkara.db'}", callbacks_enabled=True)
    migrate.upgrade(database)
    yield database
    database.close()


def told(db: Database) -> list[tuple[str, str]]:
    with db.read() as tx:
        return [(row.kind, row.subject) for row in tx.execute(select(callback).order_by(callback.c.id))]


def test_each_step_of_a_message_is_told_once_and_in_its_order(db: Database) -> None:
    identity = send_message(db, reply())
    hooks = [status_webhook(db, step) for step in ("sent", "delivered", "read")]
    deliver_webhooks(db, *hooks)
    deliver_webhooks(db, *hooks)
    steps = ["accepted", "sent", "delivered", "read"]
    assert told(db) == [(f"message.{step}", identity) for step in steps]


def test_what_a_customer_writes_is_told_once_with_what_it_answers(db: Database) -> None:
    identity = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.ours"))
    answer = inbound_webhook("Thank you", context={"id": "wamid.ours"})
    deliver_webhooks(db, answer)
    deliver_webhooks(db, answer)
    with db.read() as tx:
        (data,) = tx.execute(select(callback.c.data).where(callback.c.kind == "message.received")).scalars()
    said = json.loads(data)
    assert (said["from"], said["text"], said["answers"]) == ("919876500000", "Thank you", identity)


def test_a_word_that_means_something_is_told_as_well(db: Database) -> None:
    deliver_webhooks(db, inbound_webhook("STOP"))
    assert [kind for kind, _ in told(db)] == ["message.received", "contact.opted-out"]
