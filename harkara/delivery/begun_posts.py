"""Begun posts: the last POST that each process has begun, kept in Redis, and the timeline of PostgreSQL they are on."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple, cast

import redis

from harkara.ledger.lost_posts import FORGET_SECONDS, BegunPost
from harkara.redis_client import redis_errors

KEY: Final = "harkara:begun"
"""A hash: the name of a process to the time and its POST, and TIMELINE to the timeline."""

TIMELINE: Final = "timeline"

_ADVICE: Final = "nothing is sent until it does, and nothing is lost; see that it runs"

_NOTE: Final = """
if redis.call('HGET', KEYS[1], 'timeline') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1] .. ' ' .. ARGV[2])
return 1
"""

_ANNOUNCE: Final = """
local found = redis.call('HGETALL', KEYS[1])
local former = redis.call('HGET', KEYS[1], 'timeline')
local same = ARGV[2] == 'same'
if former and not (same and former > ARGV[1]) or same and not former then
  redis.call('HSET', KEYS[1], 'timeline', ARGV[1])
end
return found
"""


class KnownPosts(NamedTuple):
    """What Redis knew before: the timeline, None if it was emptied, and the last POST of each process."""

    timeline: str | None
    posts: list[BegunPost]


class BegunPosts:
    """The hash in Redis. Every method raises Unavailable when Redis does not answer."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._note = connection.register_script(_NOTE)

    def note(self, process: str, post: BegunPost, timeline: str) -> bool:
        """Note the last POST of a process before its first byte leaves; return False if Redis has another timeline."""
        noted = f"{post.message} {post.began.isoformat()}"
        with redis_errors("note a POST", _ADVICE):
            return bool(self._note(keys=[KEY], args=[process, noted, timeline]))

    def announce(self, timeline: str, *, same: bool) -> KnownPosts:
        """Set the timeline and return what was known before, as one step.

        `same` says that the ledger has no other timeline. A later one then stays, and without `same` an emptied Redis
        gets none: that it knew nothing must be seen until the ledger is settled.
        """
        with redis_errors("say which POSTs were begun", _ADVICE):
            answer = self._redis.eval(_ANNOUNCE, 1, KEY, timeline, "same" if same else "new")
            found = cast("list[str]", answer)
            by_process = dict(zip(found[::2], found[1::2], strict=True))
            former = by_process.pop(TIMELINE, None)
            self._forget_old(by_process)
        return KnownPosts(former, [_post(each) for each in by_process.values()])

    def forget(self) -> None:
        """Forget all, so that the ledger counts as complete."""
        with redis_errors(advice="run the command again when it does"):
            self._redis.delete(KEY)

    def _forget_old(self, by_process: dict[str, str]) -> None:
        """Remove the POSTs of processes that ended long before the last one."""
        latest = max((_second(each) for each in by_process.values()), default=0)
        old = [name for name, each in by_process.items() if _second(each) < latest - FORGET_SECONDS]
        for name in old:
            del by_process[name]
        if old:
            self._redis.hdel(KEY, *old)


def _second(noted: str) -> int:
    return int(noted.split(" ")[0])


def _post(noted: str) -> BegunPost:
    _, message, began = noted.split(" ")
    return BegunPost(message, datetime.fromisoformat(began))
