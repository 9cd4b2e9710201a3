"""Requests to read the files of `config/` again: a command makes one in Redis, and every process answers it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, cast
from uuid import uuid4

import redis

from harkara.redis_client import redis_errors

REQUEST: Final = "harkara:reload"

KEPT_SECONDS: Final = 3600
"""A process that starts within this time after a request answers it, too."""

_ADVICE: Final = "run the command again when it does"


@dataclass(frozen=True, slots=True)
class ReloadAnswer:
    """What a process did: the files that had `changed`, or the `problem` because of which it uses its former files.

    `kind` is web, worker or beat. With `restart`, `.env` has changed since the process started.
    """

    kind: str
    changed: tuple[str, ...] = ()
    problem: str | None = None
    restart: bool = False


class ReloadRequests:
    """Both ends of the requests. Every method raises Unavailable when Redis does not answer."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._answered: str | None = None

    def request(self) -> str:
        """Make a request, in place of an earlier one; return its id."""
        identity = uuid4().hex
        with redis_errors("store the request", _ADVICE):
            self._redis.set(REQUEST, identity, ex=KEPT_SECONDS)
        return identity

    def pending(self) -> str | None:
        """Return the id of the latest request, unless this process has answered it."""
        with redis_errors():
            identity = cast("str | None", self._redis.get(REQUEST))
        return None if identity == self._answered else identity

    def answer(self, request: str, process: str, answer: ReloadAnswer) -> None:
        """Store the answer of the process of this name."""
        key = _answers(request)
        with redis_errors(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, process, json.dumps(asdict(answer)))
            pipe.expire(key, KEPT_SECONDS)
            pipe.execute()
        self._answered = request

    def answers(self, request: str) -> dict[str, ReloadAnswer]:
        """Return the answers so far by the name of the process."""
        with redis_errors("answer", _ADVICE):
            stored = cast("dict[str, str]", self._redis.hgetall(_answers(request)))
        return {process: _load(text) for process, text in stored.items()}


def _load(text: str) -> ReloadAnswer:
    fields = json.loads(text)  # a later release may answer with more of them
    return ReloadAnswer(fields["kind"], tuple(fields["changed"]), fields["problem"], fields["restart"])


def _answers(request: str) -> str:
    return f"{REQUEST}:{request}"
