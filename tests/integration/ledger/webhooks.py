"""Steps with webhooks about our messages and about others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from harkara.chatmitra.webhooks import parse
from harkara.inbound import fingerprint
from harkara.inbound.words import Words
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.events import store_events
from harkara.ledger.events.process import EventContext, process
from harkara.ledger.events.store_events import RawWebhook
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.messages.begin import BeginRequest, begin
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.tables import event
from harkara.ledger.transaction import Row
from harkara.messages import Envelope
from harkara.money.prices import Prices
from harkara.outcomes import Outcome
from harkara.playbook import Playbook
from tests.integration.ledger.steps import ACCEPTED, accept_messages, age_rows, claim_messages, record_outcome, row

ROOT = Path(__file__).parents[3]
LANE = Lane("default", "token", None, webhook_secret="secret")
CONTEXT = EventContext(
    {"default": LANE, "north": Lane("north", "other token", None, webhook_secret="another")},
    Playbook.load(ROOT / "config" / "playbook.toml"),
    Words.load(ROOT / "config" / "words.toml"),
    parse,
    Prices.load(ROOT / "config" / "prices.toml"),
)


def post_message(db: Database, envelope: Envelope) -> Claimed:
    """Accept, claim and begin a message, as a worker of a lane with webhooks does; return the claim."""
    (claimed,) = post_messages(db, [envelope])
    return claimed


def post_messages(db: Database, envelopes: Sequence[Envelope]) -> list[Claimed]:
    claims = claim_messages(db, *accept_messages(db, *envelopes))
    with db.write() as tx:
        assert len(begin(tx, [_begin(claimed) for claimed in claims]).held) == len(envelopes)
    return claims


def begin_again(db: Database, claimed: Claimed) -> bool:
    """Return whether the claim still allows a POST."""
    with db.write() as tx:
        return bool(begin(tx, [_begin(claimed)]).held)


def _begin(claimed: Claimed) -> BeginRequest:
    lane = CONTEXT.lanes[claimed.lane]
    shown = fingerprint.keyed(lane.token, claimed.recipient, fingerprint.of_request(json.loads(claimed.body)))
    return BeginRequest(claimed, "worker", "passed", 30, shown)


def send_message(db: Database, envelope: Envelope, outcome: Outcome = ACCEPTED) -> str:
    """Send a message and record its outcome; return its id."""
    claimed = post_message(db, envelope)
    record_outcome(db, claimed, outcome)
    return claimed.id


def status_webhook(db: Database, status: str, wamid: str | None = "wamid.1", n: int = 0, **fields: Any) -> bytes:
    """Return a status webhook with the current time about the text that `steps.reply(n)` sends."""
    with db.read() as tx:
        now = tx.now
    body = {
        "event": f"message.{status}" if status in ("sent", "failed") else "message.status.updated",
        "status": status,
        "message_id": wamid,
        "direction": "outbound",
        "to": f"9198765{n:05d}",
        "timestamp": now.timestamp(),
        "message": {"type": "text", "text": "Your table is ready"},
    }
    return json.dumps(body | fields).encode()


def inbound_webhook(text: str = "Hello", wamid: str = "wamid.in", n: int = 0, **fields: Any) -> bytes:
    """Return a webhook about a text from the person number `n`."""
    body = {
        "event": "message.received",
        "message_id": wamid,
        "direction": "inbound",
        "from": f"9198765{n:05d}",
        "message": {"type": "text", "text": text},
    }
    return json.dumps(body | fields).encode()


def preference_webhook(value: str, n: int = 0, timestamp: float = 1_795_870_921) -> bytes:
    """Return a webhook about a choice that the person number `n` made in WhatsApp's own menu."""
    choice = {"wa_id": f"9198765{n:05d}", "category": "marketing_messages", "value": value, "timestamp": timestamp}
    return json.dumps({"event": "user_preferences", "user_preferences": [choice]}).encode()


def store_webhooks(db: Database, *webhooks: bytes, lane: str = "default") -> int:
    """Store webhooks; return how many of their events are new."""
    return sum(map(len, store_events.store_webhooks(db, [RawWebhook(lane, raw) for raw in webhooks], parse)))


def process_events(db: Database) -> Counter[str]:
    """Process each event that is due once; return how many had which outcome.

    An event that waits for its next try is due again after a second, in which a busy machine may do nothing else.
    """
    with db.read() as tx:
        began = tx.now
    done = batch = process(db, CONTEXT)
    while batch and is_due(db, began):
        batch = process(db, CONTEXT)
        done += batch
    return done


def is_due(db: Database, moment: datetime) -> bool:
    """Return whether an event was due at this moment and is still new."""
    due = select(event.c.id).where(event.c.state == EventState.NEW.value, event.c.due_at <= moment)
    with db.read() as tx:
        return tx.execute(due.limit(1)).first() is not None


def deliver_webhooks(db: Database, *webhooks: bytes, lane: str = "default") -> Counter[str]:
    store_webhooks(db, *webhooks, lane=lane)
    return process_events(db)


def stored_events(db: Database) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(event).order_by(event.c.id))


def age_events(db: Database, seconds: float) -> None:
    """Move the times of all events into the past."""
    with db.write() as tx:
        age_rows(tx, event, ("due_at", "received_at"), seconds)


def state_of(db: Database, message_id: str) -> str:
    return str(row(db, message_id)["state"])
