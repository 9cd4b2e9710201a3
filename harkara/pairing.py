"""Check that the Redis and the ledger of a process belong together, when it starts and while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from threading import Event, Lock
from typing import Final
from uuid import uuid4

import redis

from harkara.errors import OtherDeployment
from harkara.ledger.database import Database
from harkara.ledger.identity import (
    LedgerIdentity,
    ProcessNeeds,
    RegisteredProcess,
    current_time,
    ledger_identity,
    live_processes,
    register,
    unregister,
)
from harkara.redis_identity import USED_SECONDS, RedisIdentity, claim_redis, read_identity

REGISTER_SECONDS = 5.0
"""Interval in which a process notes in the ledger that it still sees its Redis."""

SETTLE_SECONDS = 20.0
"""How long a start waits for processes that saw another Redis: they see this one too by then, or have ended."""


POLL_SECONDS = 0.5


class CopyInUse(OtherDeployment):
    """The Redis is used by processes of another copy of this ledger."""


class Pairing:
    """Keeps two deployments from sharing a Redis, and one deployment from using two.

    `name` is that of this process in the register of the ledger, and `needs` is what it runs and needs.

    Two deployments on one Redis would send each other's messages. Two Redis would each allow the whole limit. A Redis
    that was emptied or replaced is accepted: it has no ledger, and no process sees its former id any more.
    """

    def __init__(self, db: Database, connection: redis.Redis, process: str, needs: ProcessNeeds | None = None) -> None:
        self._db = db
        self._redis = connection
        self.needs = needs
        self.name: Final = f"{process}:{uuid4().hex[:8]}"  # two containers may have the same host name and process id
        self._identity: LedgerIdentity | None = None
        self._registered: RegisteredProcess | None = None
        self._register_at = 0.0
        self._lock = Lock()
        self._confirmed = Event()

    def ledger(self) -> str | None:
        """Return the identity of the ledger, once a check has read it."""
        return self._identity.ledger if self._identity else None

    def start(self) -> None:
        """Check before the first work. Raises OtherDeployment, and Unavailable if a service does not answer.

        Waits for the traces of processes that have ended, if they used another copy of the ledger or another Redis.
        """
        try:
            self._wait_for_other_copy()
            self._wait_for_other_redis()
        except OtherDeployment:
            self.close()
            raise

    def check(self) -> None:
        """Check once more. Raises OtherDeployment, and Unavailable if a service does not answer."""
        with self._lock:
            try:
                self._check()
            except OtherDeployment:
                self._confirmed.clear()
                raise
            self._confirmed.set()

    def require(self) -> None:
        """Raise unless the last check passed; check now if there was none."""
        if not self._confirmed.is_set():
            self.check()

    def wait(self, seconds: float) -> None:
        """Return when the check of another thread passes, after `seconds` at the latest."""
        self._confirmed.wait(seconds)

    def close(self) -> None:
        """Forget this process, so that the next one need not wait for it. Raises Unavailable."""
        if self._registered:
            unregister(self._db, self.name)

    def _wait_for_other_copy(self) -> None:
        end = time.monotonic() + USED_SECONDS + POLL_SECONDS
        while True:
            try:
                return self.check()
            except CopyInUse:
                if time.monotonic() > end:
                    raise
            time.sleep(POLL_SECONDS)

    def _wait_for_other_redis(self) -> None:
        end = time.monotonic() + SETTLE_SECONDS
        while (others := self._unsettled()) and time.monotonic() < end:
            self._refuse_second_redis(others)
            time.sleep(POLL_SECONDS)

    def _check(self) -> None:
        if self._identity is None:
            self._identity = ledger_identity(self._db)
        if self._registered and time.monotonic() < self._register_at:
            found = read_identity(self._redis)
            if found == RedisIdentity(self._identity.ledger, self._identity.database, self._registered.redis):
                return  # as a second ago: neither Redis nor the ledger is written to
        before = current_time(self._db)
        found = claim_redis(self._redis, self._identity.ledger, self._identity.database)
        refuse_other_ledger(self._identity, found)
        if found.own:
            self._register(found.own, before)
            self._refuse_second_redis(live_processes(self._db))

    def _register(self, redis_id: str, before: datetime) -> None:
        """`before` was read before the Redis was asked: a later moment would claim to have seen it longer than true."""
        self._registered = register(
            self._db, self.name, redis_id, before, anew=self._registered is None, needs=self.needs
        )
        self._register_at = time.monotonic() + REGISTER_SECONDS

    def _refuse_second_redis(self, others: Iterable[RegisteredProcess]) -> None:
        """The processes that were first stay; the others stop."""
        own = self._registered
        rivals = [each for each in others if own and each < own and each.contradicts(own)]
        if rivals:
            raise OtherDeployment(
                f"this process uses another Redis than {rivals[0].name}, with the same ledger, so the limit would not "
                "hold: give all processes the same HARKARA_REDIS_URL"
            )

    def _unsettled(self) -> list[RegisteredProcess]:
        """Return the live processes that have last seen another Redis than this one."""
        own = self._registered
        return [each for each in live_processes(self._db) if own and each.redis != own.redis]


def refuse_other_ledger(own: LedgerIdentity, found: RedisIdentity) -> None:
    """Raise OtherDeployment if the Redis belongs to another ledger, or is used by a copy of this one."""
    if found.ledger not in ("", own.ledger):
        raise OtherDeployment(
            f"this Redis belongs to ledger {found.ledger[:8]}, and HARKARA_DATABASE_URL is ledger {own.ledger[:8]}: "
            "give each deployment a Redis of its own, or another database number at the end of HARKARA_REDIS_URL; "
            "if the other ledger is gone, run `harkara doctor --adopt-redis`"
        )
    if found.ledger and found.database not in ("", own.database):
        raise CopyInUse(
            f"this Redis is used by another copy of ledger {own.ledger[:8]}: stop the processes of the other copy, and "
            "this one may start 30 s later; a copy for tests needs a Redis of its own"
        )
