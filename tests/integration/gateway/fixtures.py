"""The dependencies of the HTTP API in tests: three callers, the shipped reminder plan, and no Redis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prometheus_client import CollectorRegistry

from harkara.backends.ledger import LedgerBackend
from harkara.batching import Batcher
from harkara.gateway import Callers, Dependencies
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import MAX_DIRECT_HINTS
from harkara.limits import Allowance
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.campaigns import SETTINGS
from tests.integration.ledger.occasions import PLAN

TOKENS = {"shop": "live:token-of-the-shop", "clinic": "token-of-the-clinic", "agency": "token-of-the-agency"}
LANES = {"shop": ("default",), "clinic": ("clinic", "default"), "agency": ("north", "south")}
SHOP, CLINIC, AGENCY = ({"Authorization": f"Bearer {token}"} for token in TOKENS.values())

CAMPAIGNS = replace(
    SETTINGS, lanes={name: Lane(name, "token", None) for name in ("default", "clinic", "north", "south")}
)

NUMBER = "919876543210"
HELLO = {"recipient_mobile_number": NUMBER, "message": "Hello! Your order #12345 is ready for pickup 📦"}
SEND = "/developer/api/send_message"


def callers(limit: str = "none") -> Callers:
    return Callers(TOKENS, LANES, Allowance.parse(limit))


def dependencies_of(db: Database, **other: Any) -> Dependencies:
    """Return dependencies without Redis, so that accepting a message publishes no hint."""
    backend = LedgerBackend(db, None, deadlines=DEADLINES, queued_seconds=10, chunk=50)
    defaults = Dependencies(
        db=db,
        backend=backend,
        batcher=Batcher(backend.enqueue, MAX_DIRECT_HINTS),
        plan=replace(PLAN, hours={name: PLAN.hours["default"] for name in ("default", "clinic", "north", "south")}),
        callers=callers(),
        receive_webhook=refuse_webhook,
        redis_problem=lambda: None,
        registry=CollectorRegistry(),
        campaigns=lambda: CAMPAIGNS,
    )
    return replace(defaults, **other)


def unreachable_database() -> Database:
    """A database that refuses connections; it raises Unavailable after half a second."""
    return Database("postgresql://harkara@127.0.0.1:1/none", lock_timeout=0.5)


async def refuse_webhook(lane: str, raw: bytes, signature: str | None) -> bool:
    raise AssertionError("no webhook is expected here")
