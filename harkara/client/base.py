"""The backend, the defaults and the published data that all calls of both clients share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harkara.backends import Backend, ledger_backend, redis_backend
from harkara.errors import Invalid
from harkara.published.lookup import PublishedLookup
from harkara.redis_address import RedisAddress
from harkara.shared_defaults import DEADLINES

if TYPE_CHECKING:  # `import harkara` does not pay for pydantic, nor for occasions
    from harkara.catalogue import Catalogue
    from harkara.occasions import Rules


class BaseClient:
    """The part of both clients without calls; `Client` documents the arguments."""

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        database_url: str | None = None,
        producer: str = "default",
        lane: str = "default",
        region: str = "IN",
        seconds: float = 2.0,
        deadlines: Mapping[str, float] = DEADLINES,
        catalogue: Path | str | Catalogue | None = None,
        reminders: Path | str | Rules | None = None,
        replicas: int = 0,
    ) -> None:
        if not redis_url and not database_url:
            raise Invalid("redis_url", "give a Redis URL, a database URL, or both")
        if replicas and (replicas < 0 or database_url):
            raise Invalid("replicas", "is how many replicas of Redis confirm, for a client without a database URL")
        # The wake-up connects after the message is kept, when no error helps.
        address = RedisAddress.parse(redis_url) if redis_url else RedisAddress()
        self._producer = producer
        self._lane = lane
        self._region = region
        self._seconds = seconds
        self._backend: Backend = (
            ledger_backend(database_url, redis_url, seconds, deadlines)
            if database_url
            else redis_backend(address, seconds, replicas)
        )
        self._published = PublishedLookup(catalogue, reminders, published=bool(redis_url))
