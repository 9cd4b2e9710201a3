"""Runs the Lua script that books slots, `slots.lua`: for many lanes at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from itertools import chain
from typing import Any, Final

import redis
from redis.exceptions import NoScriptError

from harkara.redis_client import redis_errors

_SOURCE: Final = files("harkara.limits").joinpath("slots.lua").read_text("utf-8")
_SHA: Final = sha1(_SOURCE.encode(), usedforsecurity=False).hexdigest()

BATCH: Final = 50
"""Plans in one run. Redis does nothing else meanwhile: it takes about 2 ms."""

Call = tuple[list[str], dict[str, Any]]
"""The keys and the plan of a lane; the head of `slots.lua` describes both."""


class SlotScript:
    """The script on one server."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def run(self, calls: Sequence[Call]) -> list[Any]:
        """Return the script's answer to each call, in one round trip. Raises Unavailable.

        A server that does not have the script loads it first, which takes two more round trips.
        """
        if not calls:
            return []
        batches = [_arguments(calls[start : start + BATCH]) for start in range(0, len(calls), BATCH)]
        with redis_errors("book slots", "nothing is sent until it does, and nothing is lost; see that it runs"):
            answers = self._round_trip(batches)
            if any(isinstance(answer, NoScriptError) for answer in answers):
                self._redis.script_load(_SOURCE)
                answers = self._round_trip(batches)
            for answer in answers:
                if isinstance(answer, redis.RedisError):
                    raise answer
        return list(chain.from_iterable(answers))

    def _round_trip(self, batches: Sequence[list[Any]]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for arguments in batches:
            pipe.evalsha(_SHA, *arguments)
        return pipe.execute(raise_on_error=False)


def _arguments(calls: Sequence[Call]) -> list[Any]:
    """Return what EVALSHA gets for these calls: the number of keys, the keys and the plans."""
    keys: list[str] = []
    plans = []
    for own, plan in calls:
        plans.append(plan | {"first": len(keys)})
        keys += own
    return [len(keys), *keys, json.dumps(plans, separators=(",", ":"))]
