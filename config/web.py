"""Puts the web door together for this deployment: what is behind it."""

from __future__ import annotations

from prometheus_client import REGISTRY

from config import wiring
from config.callers import callers
from config.settings import settings
from harkara.backends.ledger import LedgerBackend
from harkara.batching import Batcher
from harkara.errors import Unavailable
from harkara.gateway import Dependencies
from harkara.ledger.messages.accept import DIRECT
from harkara.redis_client import connect, redis_errors


def dependencies() -> Dependencies:
    """Raises SystemExit, with the next step, when a setting makes no sense."""
    s = settings()
    backend = LedgerBackend(
        wiring.database(),
        wiring.broker(),
        deadlines=s.deadlines,
        queued_seconds=s.lease.total_seconds(),
        chunk=s.chunk_size,
    )
    return Dependencies(
        db=wiring.database(),
        backend=backend,
        batcher=Batcher(backend.enqueue, DIRECT),
        plan=wiring.plan(),
        callers=callers(s, frozenset(wiring.lanes())),
        receive_webhook=wiring.webhooks().hear,
        redis_answers=_redis_answers,
        registry=REGISTRY,
    )


def _redis_answers() -> bool:
    try:
        with redis_errors(), connect(settings().broker_url, seconds=1) as connection:
            return bool(connection.ping())
    except Unavailable:
        return False
