"""Each applied event writes its callbacks once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from harkara.ledger.callbacks.outbox import Delivered, record_results
from harkara.ledger.database import Database
from harkara.ledger.tables import callback
from tests.integration.ledger.outbox import callback_rows, claim_callbacks
from tests.integration.ledger.steps import reply
from tests.integration.ledger.webhooks import (
    deliver_webhooks,
    inbound_webhook,
    preference_webhook,
    send_message,
    status_webhook,
)


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


@pytest.mark.parametrize(
    "message",
    [
        {
            "type": "interactive",
            "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": '{"slot":"10:30"}'}},
        },
        {"type": "order", "order": {"catalog_id": "c1", "product_items": [{"product_retailer_id": "p1"}]}},
        {"type": "reaction", "reaction": {"message_id": "wamid.ours", "emoji": ""}},
        {
            "type": "edit",
            "edit": {"original_message_id": "w1", "message": {"type": "text", "text": {"body": "At six"}}},
        },
        {"type": "revoke", "revoke": {"original_message_id": "w1"}},
        {"type": "hologram", "hologram": {"a\0b": ["c\0"]}},
    ],
    ids=lambda message: str(message["type"]),
)
def test_the_callback_carries_what_the_customer_sent(callback_db: Database, message: dict[str, Any]) -> None:
    deliver_webhooks(callback_db, inbound_webhook(message=message))
    (callback,) = claim_callbacks(callback_db)
    assert callback.kind == "message.received"
    assert callback.data["type"] == message["type"]
    assert callback.data["content"] == json.loads(json.dumps(message).replace("\\u0000", ""))
    assert callback.data["truncated"] is False


def test_the_callback_of_a_huge_message_is_cut_and_says_so(callback_db: Database) -> None:
    people = [{"name": {"formatted_name": f"Person {n}"}, "phones": [{"phone": "+91 98765 43210"}]} for n in range(257)]
    deliver_webhooks(callback_db, inbound_webhook(message={"type": "contacts", "contacts": people}))
    (callback,) = claim_callbacks(callback_db)
    assert callback.data["truncated"] is True
    assert callback.data["content"]["contacts"] == people[:50]
    assert len(json.dumps(callback.data)) < 20_000


def test_what_a_customer_sent_is_erased_when_its_callback_is_delivered(callback_db: Database) -> None:
    deliver_webhooks(callback_db, inbound_webhook(message={"type": "order", "order": {"text": "marzipan"}}))
    (callback,) = claim_callbacks(callback_db)
    record_results(callback_db, [(callback, Delivered(204))])
    assert "marzipan" not in str(callback_rows(callback_db))


def test_a_captions_opt_out_writes_a_second_callback(callback_db: Database) -> None:
    image = {"type": "image", "image": {"id": "1", "caption": "STOP"}}
    deliver_webhooks(callback_db, inbound_webhook(message=image))
    received, opted_out = claim_callbacks(callback_db)
    assert (received.data["text"], received.data["content"]) == ("STOP", image)
    assert (opted_out.kind, opted_out.data["category"]) == ("contact.opted-out", "everything")


def test_a_choice_in_whatsapps_menu_writes_the_callback_of_consent(callback_db: Database) -> None:
    for value in ("stop", "resume"):
        deliver_webhooks(callback_db, preference_webhook(value))
    callbacks = claim_callbacks(callback_db)
    assert [callback.kind for callback in callbacks] == ["contact.opted-out", "contact.opted-in"]
    assert {callback.data["category"] for callback in callbacks} == {"marketing"}


def test_an_opt_out_writes_a_second_callback(callback_db: Database) -> None:
    deliver_webhooks(callback_db, inbound_webhook("STOP"))
    assert [kind for kind, _ in kinds_and_subjects(callback_db)] == ["message.received", "contact.opted-out"]


def kinds_and_subjects(db: Database) -> list[tuple[str, str]]:
    return [(row["kind"], row["subject"]) for row in callback_rows(db)]
