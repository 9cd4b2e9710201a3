"""After a person's last message the conversation is the assistant's again when the file says so, however they wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from harkara.assistant.rules import AssistantRules
from harkara.ledger.conversations.commands import reply
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.queries import load_row
from harkara.ledger.database import Database
from harkara.ledger.events.process import RETRY_SECONDS, process
from harkara.ledger.tables import event
from harkara.messages import Text
from tests.integration.ledger.test_conversations import enqueue
from tests.integration.ledger.webhooks import (
    CONTEXT,
    deliver_webhooks,
    inbound_webhook,
    status_webhook,
    store_webhooks,
)

ASHA = "919876500001"
RULES = AssistantRules.model_validate({"give-back": "7m"})


def minutes_held(db: Database) -> float:
    with db.read() as tx:
        row = load_row(tx, find_participant(db, ASHA))
    assert row
    assert row["mode"] == "person"
    return float((row["mode_until"] - row["mode_since"]) / timedelta(minutes=1))


def test_after_a_reply(db: Database) -> None:
    deliver_webhooks(db, inbound_webhook("Hello", "w1", 1))
    person = find_participant(db, ASHA)
    reply(db, enqueue(db), person, Text("Yes"), producer="shop", hold=RULES.give_back)
    assert minutes_held(db) == 7


def test_after_a_message_that_staff_type_in_the_dashboard(db: Database) -> None:
    deliver_webhooks(db, inbound_webhook("Hello", "w1", 1))
    typed = {"message": {"type": "text", "text": "Until nine"}}
    store_webhooks(db, status_webhook(db, "sent", "wamid.typed", 1, **typed))
    with db.write() as tx:
        tx.execute(update(event).where(event.c.about == "sent").values(tries=len(RETRY_SECONDS)))
    while process(db, replace(CONTEXT, assistant=RULES)):
        pass
    assert 6 < minutes_held(db) <= 7, "WhatsApp counts whole seconds"
