"""Runs the Lua script that books slots, `slots.lua`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final

import redis
from redis.exceptions import NoScriptError

from harkara.redis_client import redis_errors

_SOURCE: Final = files("harkara.limits").joinpath("slots.lua").read_text("utf-8")
_SHA: Final = sha1(_SOURCE.encode(), usedforsecurity=False).hexdigest()

Call = tuple[list[str], dict[str, Any]]
"""The keys and the plan of one run; the head of `slots.lua` describes both."""


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
        with redis_errors("book slots", "nothing is sent until it does, and nothing is lost; see that it runs"):
            answers = self._round_trip(calls)
            if any(isinstance(answer, NoScriptError) for answer in answers):
                self._redis.script_load(_SOURCE)
                answers = self._round_trip(calls)
            for answer in answers:
                if isinstance(answer, redis.RedisError):
                    raise answer
        return answers

    def _round_trip(self, calls: Sequence[Call]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for keys, plan in calls:
            pipe.evalsha(_SHA, len(keys), *keys, json.dumps(plan, separators=(",", ":")))
        return pipe.execute(raise_on_error=False)
