"""What stands behind the door in tests: three callers, the shipped plan, and webhooks that somebody takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prometheus_client import CollectorRegistry

from harkara.backends.ledger import LedgerBackend
from harkara.batching import Batcher
from harkara.defaults import DEADLINES
from harkara.gateway import Behind, Callers
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import DIRECT
from harkara.limits import Allowance
from tests.integration.ledger.bookings import PLAN

TOKENS = {"shop": "live:token-of-the-shop", "clinic": "token-of-the-clinic", "agency": "token-of-the-agency"}
LANES = {"shop": ("default",), "clinic": ("clinic", "default"), "agency": ("north", "south")}
SHOP, CLINIC, AGENCY = ({"Authorization": f"Bearer {token}"} for token in TOKENS.values())

NUMBER = "919876543210"
HELLO = {"recipient_mobile_number": NUMBER, "message": "Hello! Your order #12345 is ready for pickup 📦"}
SEND = "/developer/api/send_message"


def callers(limit: str = "none") -> Callers:
    return Callers(TOKENS, LANES, Allowance.parse(limit))


def behind_of(db: Database, **other: Any) -> Behind:
    """Without Redis: nobody is hinted."""
    door = LedgerBackend(db, None, deadlines=DEADLINES, queued_seconds=10, chunk=50)
    usual = Behind(
        db=db,
        door=door,
        together=Batcher(door.enqueue, DIRECT),
        plan=replace(PLAN, hours={name: PLAN.hours["default"] for name in ("default", "clinic", "north", "south")}),
        callers=callers(),
        hear=nobody_hears,
        redis_answers=lambda: True,
        registry=CollectorRegistry(),
    )
    return replace(usual, **other)


def away() -> Database:
    """One that nobody reaches, and soon says so."""
    return Database("postgresql://harkara@127.0.0.1:1/none", lock_timeout=0.5)


def nobody_hears(lane: str, raw: bytes, signature: str | None) -> bool:
    raise AssertionError("no webhook is expected here")
