"""Whether a worker has ever used a Redis: what an application hands over to another one waits there for good."""

from __future__ import annotations

import logging
from typing import Final

from redis.exceptions import ResponseError

from harkara.errors import Unavailable
from harkara.redis_address import RedisAddress
from harkara.redis_client import redis_errors
from harkara.redis_identity import LEDGER
from harkara.steps import RedisCommands, Steps

log: Final = logging.getLogger("harkara")  # an application with the client alone has no structlog


class UseCheck:
    """Warns once, in the log of the application. A message is handed over all the same: a worker may start later."""

    def __init__(self, address: RedisAddress) -> None:
        self._place = address.place
        self._has_looked = False

    def warn_once(self) -> Steps[None]:
        """With the first call, log a warning if no worker has ever used the Redis. Raises Unavailable."""
        if self._has_looked:
            return
        self._has_looked = True  # before the answer, for which other calls do not wait
        try:
            is_unused = yield from self._is_unused()
        except Unavailable:
            self._has_looked = False
            raise
        if is_unused:
            log.warning(
                "messages handed over to an unused Redis: no worker has ever used %s, and they wait there until one "
                "does. Start a worker, or give this client the HARKARA_REDIS_URL of the workers.",
                self._place,
            )

    def explain(self, silence: Unavailable) -> Steps[Unavailable]:
        """Return the error to raise after a request that no worker answered. Raises Unavailable."""
        if (yield from self._is_unused()):
            return Unavailable(f"{silence} No worker has ever used {self._place}: check redis_url")
        return silence

    def _is_unused(self) -> Steps[bool]:
        """A Redis whose user may not read the key counts as used."""
        with redis_errors():
            try:
                (found,) = yield RedisCommands((("EXISTS", LEDGER),))
            except ResponseError:
                return False
        return not found
