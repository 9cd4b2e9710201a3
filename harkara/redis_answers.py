"""What Redis answers when it refuses a command: the reason and the next step, without the text of the answer."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as NoAnswer


class PrimaryUnknown(Unreachable):
    """No sentinel names the primary: none answers, none monitors the service, or all refuse the password."""


class RedisRefusal(NamedTuple):
    """Why Redis does not do its work, and what an operator does about it."""

    reason: str
    next_step: str


UNREACHABLE: Final = RedisRefusal("it cannot be reached", "see that it runs at HARKARA_REDIS_URL")

_NO_PRIMARY = RedisRefusal(
    "no sentinel names its primary",
    "see that the sentinels of HARKARA_REDIS_URL run, monitor its service and accept its sentinel_password",
)
_REPLICA = "let HARKARA_REDIS_URL lead to the primary; after a failover, wait until it does"
_PASSWORD = RedisRefusal("it refuses the user or the password", "correct them in HARKARA_REDIS_URL")
_CLUSTER = RedisRefusal("it is a cluster", "give Harkara a Redis without cluster mode")

_BY_CODE: Final = {
    "READONLY": RedisRefusal("it is a replica and accepts no writes", _REPLICA),
    "UNBLOCKED": RedisRefusal("it has become a replica", _REPLICA),
    "MASTERDOWN": RedisRefusal("it is a replica that has lost its primary", _REPLICA),
    "OOM": RedisRefusal("it is full until workers have drained it", "start workers, or raise its maxmemory"),
    "MISCONF": RedisRefusal("it cannot write its files and accepts no writes", "free space on its disk, see its log"),
    "NOREPLICAS": RedisRefusal("it has fewer replicas than min-replicas-to-write", "start its replicas"),
    "NOPERM": RedisRefusal("its user lacks a permission", "allow the user all commands and keys (+@all ~* &*)"),
    "NOAUTH": _PASSWORD,
    "WRONGPASS": _PASSWORD,
    "DENIED": RedisRefusal("it is in protected mode", "set a password for it, and put it into HARKARA_REDIS_URL"),
    "LOADING": RedisRefusal("it is loading its data", "wait until it has"),
    "BUSY": RedisRefusal("another program's script occupies it", "wait, or run SCRIPT KILL in redis-cli"),
    "CLUSTERDOWN": RedisRefusal("its cluster is down", "repair it, and give Harkara a Redis without cluster mode"),
    "MOVED": _CLUSTER,
    "ASK": _CLUSTER,
    "TRYAGAIN": _CLUSTER,
    "CROSSSLOT": _CLUSTER,
    "WRONGTYPE": RedisRefusal("another program uses Harkara's keys in it", "give Harkara a Redis database of its own"),
}
"""By the first word of the answer (Redis and Valkey, `shared` error replies in server.c, and cluster.c)."""

_BY_TEXT: Final = {
    "DB index is out of range": RedisRefusal(
        "it has no database of this number", "end HARKARA_REDIS_URL with a lower one, such as /0"
    ),
    "max number of clients": RedisRefusal("it has as many connections as it allows", "raise its maxclients"),
    "unknown command": RedisRefusal("it does not know a command of Harkara", "use Redis 6.2 or later, or Valkey"),
    "unknown subcommand": RedisRefusal("it does not know a command of Harkara", "use Redis 6.2 or later, or Valkey"),
}
"""By words of an answer that begins with ERR."""

_CODE = re.compile(r"(?:^|-)([A-Z]{2,20}) ")
"""The code of an answer; of the error in a script, Redis 6 puts it, with a minus, into the middle."""


def refusal_of(error: BaseException) -> RedisRefusal:
    """Return what an error of redis-py, or one of kombu that one has caused, means."""
    if isinstance(error, PrimaryUnknown) or isinstance(error.__cause__, PrimaryUnknown):
        return _NO_PRIMARY
    if isinstance(error.__cause__, Exception) and not isinstance(error, Unreachable | NoAnswer | ResponseError):
        return refusal_of(error.__cause__)
    # A pipeline puts the command before the answer, with what it contains.
    answer = str(error).rpartition("caused error: ")[2]
    found = _by_code(error, answer) or next((each for text, each in _BY_TEXT.items() if text in answer), None)
    if found:
        return found
    if isinstance(error, NoAnswer | TimeoutError):
        return RedisRefusal("no answer came in time", UNREACHABLE.next_step)
    if isinstance(error, Unreachable | OSError):
        return UNREACHABLE
    return RedisRefusal(f"it answers with an error, {type(error).__name__}", "see its log")


def _by_code(error: BaseException, answer: str) -> RedisRefusal | None:
    """Return the meaning of the code, which redis-py removes from the text of an error with a class of its own."""
    codes = [getattr(error, "status_code", None) or "", *_CODE.findall(answer)]
    return next((_BY_CODE[code] for code in codes if code in _BY_CODE), None)
