"""Each applied event writes its callbacks once."""

from __future__ import annotations

import json

from sqlalchemy import select

from harkara.ledger.database import Database
from harkara.ledger.tables import callback
from tests.integration.ledger.outbox import callback_rows
from tests.integration.ledger.steps import reply
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook, send_message, status_webhook


def test_each_status_of_a_message_writes_one_callback_in_its_order(callback_db: Database) -> None:
    message_id = send_message(callback_db, reply())
    webhooks = [status_webhook(callback_db, status) for status in ("sent", "delivered", "read")]
    deliver_webhooks(callback_db, *webhooks)
    deliver_webhooks(callback_db, *webhooks)
    states = ["accepted", "sent", "delivered", "read"]
    assert kinds_and_subjects(callback_db) == [(f"message.{state}", message_id) for state in states]


def test_a_customers_message_writes_one_callback_with_the_message_that_it_answers(callback_db: Database) -> None:
    message_id = send_message(callback_db, reply())
    deliver_webhooks(callback_db, status_webhook(callback_db, "sent", "wamid.ours"))
    answer = inbound_webhook("Thank you", context={"id": "wamid.ours"})
    deliver_webhooks(callback_db, answer)
    deliver_webhooks(callback_db, answer)
    with callback_db.read() as tx:
        (stored,) = tx.execute(select(callback.c.data).where(callback.c.kind == "message.received")).scalars()
    data = json.loads(stored)
    assert (data["from"], data["text"], data["answers"]) == ("919876500000", "Thank you", message_id)


def test_an_opt_out_writes_a_second_callback(callback_db: Database) -> None:
    deliver_webhooks(callback_db, inbound_webhook("STOP"))
    assert [kind for kind, _ in kinds_and_subjects(callback_db)] == ["message.received", "contact.opted-out"]


def kinds_and_subjects(db: Database) -> list[tuple[str, str]]:
    return [(row["kind"], row["subject"]) for row in callback_rows(db)]
