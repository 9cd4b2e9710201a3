"""Steps with charges: deliver messages, and read what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from harkara.ledger.charges.spend import get_spend
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.tables import charge
from harkara.ledger.transaction import Row
from harkara.messages import Envelope, Template
from harkara.money.spend import By, Spend
from harkara.outcomes import Accepted
from tests.integration.ledger.steps import record_outcome
from tests.integration.ledger.webhooks import CONTEXT, deliver_webhooks, post_message, status_webhook, store_webhooks

PRICES = CONTEXT.prices
MARKETING, UTILITY = 1_018_458, 135_700
"""What a message costs by the shipped prices, in micros and with the tax."""


def template(n: int = 0, category: str = "utility", **options: Any) -> Envelope:
    """Return a template message to person number `n`."""
    messages = [Template("visit", body=[str(n)], category=category)]  # type: ignore[arg-type]
    return Envelope(**{"to": f"+9198765{n:05d}", "messages": messages} | options)


def accepted(db: Database, envelope: Envelope, job: str = "job-0") -> str:
    """Send a message that Chat Mitra accepts under this job id; return its id."""
    claimed = post_message(db, envelope)
    record_outcome(db, claimed, Accepted(job, 202))
    return claimed.id


def event(db: Database, status: str, job: str = "job-0", **fields: Any) -> bytes:
    """Return the webhook of a status that names the message by its job id."""
    return status_webhook(db, status, f"wamid.{job}", jobId=job, message={"type": "template"}, **fields)


def delivered(db: Database, envelope: Envelope, job: str = "job-0", **fields: Any) -> str:
    """Send a message that is delivered; return its id."""
    identity = accepted(db, envelope, job)
    deliver_webhooks(db, event(db, "delivered", job, **fields))
    return identity


def process_with(db: Database, *webhooks: bytes, **changes: Any) -> None:
    """Store webhooks and process them with these changes to the context."""
    store_webhooks(db, *webhooks)
    while process(db, replace(CONTEXT, **changes)):
        pass


def charges(db: Database) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(charge).order_by(charge.c.at, charge.c.message_id))


def amounts(db: Database) -> list[int]:
    return [row["amount"] for row in charges(db)]


def spend(db: Database, by: By = "day", lanes: Iterable[str] | None = None) -> dict[str, Spend]:
    """Return all spend by its key."""
    found = get_spend(db, by, since=date(2000, 1, 1), until=date(2100, 1, 1), lanes=None if lanes is None else [*lanes])
    return {each.key: each for each in found}


def indian_day(at: datetime) -> date:
    """Return the day in India, on which a lane of a deployment counts what it spends unless its settings differ."""
    return at.astimezone(ZoneInfo("Asia/Kolkata")).date()


def today() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
