"""The template catalogue and the reminder plan in Redis: workers publish them, producers read them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from harkara.catalogue.catalogue import Catalogue
from harkara.errors import NotFound, Unavailable
from harkara.redis_client import redis_errors
from harkara.steps import RedisCommands, Steps

if TYPE_CHECKING:  # the connection is given; occasions cost import time that only `reminder_plan` needs
    import redis

    from harkara.occasions import ReminderPlan

T = TypeVar("T")

KEY: Final = "harkara:catalogue"
PLAN: Final = "harkara:reminders"

FRESH_SECONDS: Final = 60.0
"""Age at which a producer reads its copy again."""


class PublishedStore:
    """The workers' end of the two keys. Their values contain templates, rules and hours, and no secret."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def publish(self, catalogue: Catalogue, plan: ReminderPlan | None = None) -> None:
        """Write the catalogue, and the plan if it is given. Raises Unavailable."""
        texts = {KEY: catalogue.to_json()} | ({PLAN: plan.to_json()} if plan else {})
        with redis_errors():
            self._redis.mset(texts)

    def close(self) -> None:
        self._redis.close()


class PublishedReader:
    """The producers' end, in steps."""

    def __init__(self) -> None:
        self._catalogue = _Cached(self._read_catalogue)
        self._plan = _Cached(self._read_plan)

    def catalogue(self) -> Steps[Catalogue]:
        """The catalogue, at most 60 s old; older while Redis does not answer.

        Raises NotFound when no worker has published one, and Unavailable when Redis has never answered.
        """
        return (yield from self._catalogue.get())

    def reminder_plan(self) -> Steps[ReminderPlan]:
        """The reminder plan, in the same way."""
        return (yield from self._plan.get())

    def _read_catalogue(self) -> Steps[Catalogue]:
        return Catalogue.from_json((yield from self._read(KEY, "template catalogue", "catalogue")))

    def _read_plan(self) -> Steps[ReminderPlan]:
        # Imported here: a producer without occasions does not pay for them.
        from harkara.occasions import ReminderPlan

        text = yield from self._read(PLAN, "reminder rules", "reminders")
        return ReminderPlan.from_json(text, (yield from self.catalogue()))

    def _read(self, key: str, content: str, option: str) -> Steps[str]:
        with redis_errors():
            (text,) = yield RedisCommands((("GET", key),), quick=True)
        if text is None:
            raise NotFound(f"no worker has published the {content} to this Redis: start one, or pass {option}=")
        return cast(str, text)


class _Cached(Generic[T]):
    """A value that is read again when it is stale, and kept while that fails."""

    def __init__(self, read: Callable[[], Steps[T]]) -> None:
        self._read = read
        self._value: T | None = None
        self._stale_at = 0.0

    def get(self) -> Steps[T]:
        if self._value is None or time.monotonic() >= self._stale_at:
            try:
                self._value = yield from self._read()
            except Unavailable:
                if self._value is None:
                    raise
            self._stale_at = time.monotonic() + FRESH_SECONDS
        return self._value
