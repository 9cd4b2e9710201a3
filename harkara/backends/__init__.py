"""The two doors by which messages and occasions come in: over Redis' intake, or straight into the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from harkara.defaults import CHUNK, LEASE_SECONDS
from harkara.errors import Conflict, Invalid, NotFound
from harkara.receipt import Change, Receipt
from harkara.status import MessageStatus

if TYPE_CHECKING:
    from harkara.inbound.contact import Wish
    from harkara.messages import Envelope
    from harkara.occasions import OccasionUpdate, ReminderPlan
    from harkara.published.store import PublishedStore


class Backend(Protocol):
    """Where messages go in; every method raises Unavailable when the service behind it does not answer."""

    def enqueue(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]: ...
    def save_occasions(
        self, updates: Sequence[OccasionUpdate], plan: ReminderPlan
    ) -> list[Change | Conflict | NotFound]: ...
    def record_consent(self, lane: str, wish: Wish) -> None: ...
    def cancel(self, key: str) -> bool: ...
    def status(self, key: str) -> MessageStatus: ...
    def close(self) -> None: ...


def redis_backend(redis_url: str, seconds: float) -> Backend:
    # Who only builds messages pays for no Redis client either.
    from harkara.backends.redis import RedisBackend

    return RedisBackend(redis_url, 0.9 * seconds)


def ledger_backend(database_url: str, redis_url: str | None, seconds: float, deadlines: Mapping[str, float]) -> Backend:
    # Only who writes rows pays for importing SQLModel and Celery.
    from harkara.backends.broker import Broker
    from harkara.backends.ledger import LedgerBackend
    from harkara.ledger.database import Database

    return LedgerBackend(
        Database(database_url, lock_timeout=seconds, statement_timeout=0.5 * seconds),
        Broker.at(redis_url) if redis_url else None,
        deadlines=deadlines,
        queued_seconds=LEASE_SECONDS,
        chunk=CHUNK,
    )


def open_published(redis_url: str, seconds: float) -> PublishedStore:
    from harkara.published.store import PublishedStore
    from harkara.redis_client import connect

    # Its answer comes on top of the door's own, once a minute.
    return PublishedStore(connect(redis_url, seconds=0.4 * seconds))
