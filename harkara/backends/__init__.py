"""The two backends through which producers enqueue: the intake in Redis, or the ledger itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from harkara.errors import Conflict, Invalid, NotFound
from harkara.receipt import Change, Receipt
from harkara.server_extra import require_server
from harkara.shared_defaults import CHUNK, LEASE_SECONDS

if TYPE_CHECKING:  # named in signatures alone
    from harkara.connections import LoopConnections, SyncConnections
    from harkara.inbound.contact import ConsentChoice
    from harkara.message_status import MessageStatus
    from harkara.messages import Envelope
    from harkara.occasions import OccasionUpdate, ReminderPlan
    from harkara.redis_address import RedisAddress
    from harkara.steps import Steps


class Backend(Protocol):
    """Where a producer's calls go. Every method raises Unavailable when its service does not answer."""

    def enqueue(self, envelopes: Sequence[Envelope]) -> Steps[list[Receipt | Conflict | Invalid]]:
        """Store the messages; return for each, in order, its receipt or the error that refused it."""
        ...

    def save_occasions(
        self, updates: Sequence[OccasionUpdate], plan: ReminderPlan
    ) -> Steps[list[Change | Conflict | NotFound]]:
        """Apply the updates in their order; return for each its effect or the error that refused it."""
        ...

    def record_consent(self, lane: str, choice: ConsentChoice) -> Steps[None]:
        """Store an opt-out or an opt-in."""
        ...

    def cancel(self, key: str) -> Steps[bool]:
        """Cancel the message with this id or reference; return False when it is too late. Raises NotFound."""
        ...

    def status(self, key: str) -> Steps[MessageStatus]:
        """The status of the message with this id or reference. Raises NotFound."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


def redis_backend(address: RedisAddress, seconds: float, replicas: int) -> Backend:
    # Imported here: an application that only builds messages does not pay for redis-py.
    from harkara.backends.redis import RedisBackend

    return RedisBackend(address, 0.9 * seconds, replicas)  # what remains of the timeout covers the work outside Redis


def ledger_backend(database_url: str, redis_url: str | None, seconds: float, deadlines: Mapping[str, float]) -> Backend:
    # Imported here: an application with Redis alone does not pay for SQLModel.
    require_server("A client with a database URL")
    from harkara.backends.blocking import BlockingBackend
    from harkara.backends.broker import Broker
    from harkara.backends.ledger import LedgerBackend
    from harkara.ledger.database import Database

    backend = LedgerBackend(
        Database(database_url, lock_timeout=seconds, statement_timeout=0.5 * seconds),
        Broker.at(redis_url) if redis_url else None,
        deadlines=deadlines,
        queued_seconds=LEASE_SECONDS,
        chunk=CHUNK,
    )
    return BlockingBackend(backend)


def connections(redis_url: str, seconds: float) -> SyncConnections:
    # Imported here: an application that only builds messages does not pay for redis-py.
    from harkara.connections import SyncConnections

    return SyncConnections(redis_url, seconds)


def loop_connections(redis_url: str, seconds: float) -> LoopConnections:
    # Imported here: an application that only builds messages does not pay for redis-py.
    from harkara.connections import LoopConnections

    return LoopConnections(redis_url, seconds)
