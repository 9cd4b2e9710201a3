"""Whose Redis this is: the keys that name its ledger, and that distinguish it from another Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import uuid4

import redis

from harkara.redis_client import redis_errors

LEDGER: Final = "harkara:ledger"
DATABASE: Final = "harkara:ledger:database"
OWN: Final = "harkara:redis"

USED_SECONDS: Final = 30
"""How long a Redis counts as used by a database after the last process of it has looked."""

_CLAIM: Final = """
local function claim(key, value, ...)
  if not redis.call('GET', key) then redis.pcall('SET', key, value, ...) end
  return redis.call('GET', key) or ''
end
local own = claim(KEYS[3], ARGV[3])
local ledger = claim(KEYS[1], ARGV[1])
if ledger ~= ARGV[1] then return { ledger, redis.call('GET', KEYS[2]) or '', own } end
local database = claim(KEYS[2], ARGV[2], 'EX', ARGV[4])
if database == ARGV[2] then redis.pcall('EXPIRE', KEYS[2], ARGV[4]) end
return { ledger, database, own }
"""
"""Claims what is free. A Redis that is full or read-only claims nothing, and answers all the same."""


@dataclass(frozen=True, slots=True)
class RedisIdentity:
    """What a Redis says of itself: its ledger, the database that uses it now, and its own random id.

    Each is empty where the Redis does not know it: `ledger` and `own` if it is new or was emptied, `database` if no
    process has used it for USED_SECONDS.
    """

    ledger: str
    database: str
    own: str


def claim_redis(connection: redis.Redis, ledger: str, database: str) -> RedisIdentity:
    """Claim the Redis for this ledger unless it has one; return its identity. Raises Unavailable."""
    with redis_errors("say whose it is", "nothing is read from it until it does"):
        arguments = (LEDGER, DATABASE, OWN, ledger, database, uuid4().hex, str(USED_SECONDS))
        return RedisIdentity(*cast("list[str]", connection.eval(_CLAIM, 3, *arguments)))


def read_identity(connection: redis.Redis) -> RedisIdentity:
    """Return the identity without claiming anything. Raises Unavailable."""
    with redis_errors("say whose it is"):
        return RedisIdentity(*(value or "" for value in cast("list[Any]", connection.mget(LEDGER, DATABASE, OWN))))


def assign_redis(connection: redis.Redis, ledger: str, database: str) -> None:
    """Give the Redis to this ledger, whatever it had before. Raises Unavailable."""
    with redis_errors("change its ledger"), connection.pipeline(transaction=True) as pipe:
        pipe.set(LEDGER, ledger)
        pipe.set(DATABASE, database, ex=USED_SECONDS)
        pipe.execute()
