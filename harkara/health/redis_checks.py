"""Checks of Redis: its own settings, whether it belongs to the ledger, and the clocks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import redis

from harkara.errors import OtherDeployment
from harkara.health.check import Check
from harkara.ledger.database import Database
from harkara.ledger.identity import current_time, ledger_identity, live_processes
from harkara.pairing import refuse_other_ledger
from harkara.redis_client import redis_errors, require_writable
from harkara.redis_eviction import NEXT_STEP
from harkara.redis_identity import read_identity

LARGEST_SKEW: Final = 10.0
"""Seconds."""


def redis_checks(connection: redis.Redis) -> Iterator[Check]:
    """Check that Redis takes hand-overs and loses none. Raises Unavailable."""
    with redis_errors(advice=None):
        info = connection.info()
        require_writable(connection)
    yield Check("redis", True, "answers")
    if info.get("aof_enabled"):
        yield Check("redis disk", True, "append-only file on")
    else:
        yield Check("redis disk", False, "set appendonly yes: without it a crash loses hand-overs")
    about = {"policy": info.get("maxmemory_policy"), "number": info.get("evicted_keys", 0), "advice": NEXT_STEP}
    if about["policy"] == "noeviction":
        yield Check("redis memory", True, "%(policy)s", about)
    else:
        yield Check(
            "redis memory",
            False,
            "%(policy)s, %(number)s keys deleted since its start: %(advice)s, or Redis may delete hand-overs",
            about,
        )


def pairing_checks(db: Database, connection: redis.Redis) -> Iterator[Check]:
    """Check that Redis and the ledger belong together, for every process. Raises Unavailable."""
    own, found = ledger_identity(db), read_identity(connection)
    try:
        refuse_other_ledger(own, found)
    except OtherDeployment as error:
        yield Check("redis and ledger", False, "%(error)s", {"error": error})
    else:
        if found.ledger:
            yield Check("redis and ledger", True, "belong together")
        else:
            yield Check("redis and ledger", True, "no process has used this Redis")
    for each in live_processes(db):
        if each.redis != found.own:
            yield Check(
                "process %(name)s",
                False,
                "uses another Redis: give all processes the same HARKARA_REDIS_URL",
                {"name": each.name},
            )


def clock_check(db: Database, connection: redis.Redis) -> Check:
    """Check the clocks: due times follow the database's, so a wrong one sends reminders at the wrong hour."""
    here = datetime.now(UTC)
    with redis_errors():
        seconds, _ = connection.time()
    ahead = {
        "Redis": (datetime.fromtimestamp(seconds, UTC) - here).total_seconds(),
        "the database": (current_time(db) - here).total_seconds(),
    }
    if max(0.0, *ahead.values()) - min(0.0, *ahead.values()) <= LARGEST_SKEW:
        return Check("clocks", True, "agree")
    found = ", ".join(f"{name} is {abs(by):.0f} s {'ahead' if by > 0 else 'behind'}" for name, by in ahead.items())
    return Check("clocks", False, "%(found)s: set them by NTP", {"found": found})
