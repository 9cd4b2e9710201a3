"""The shelf: where workers lay the deployment's catalogue and plan in Redis, and producers look them up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from harkara.catalogue.catalogue import Catalogue
from harkara.errors import NotFound, Unavailable
from harkara.redis_client import redis_errors

if TYPE_CHECKING:
    import redis

    from harkara.occasions import ReminderPlan

T = TypeVar("T")

KEY: Final = "harkara:catalogue"
PLAN: Final = "harkara:reminders"

PUBLISH_SECONDS: Final = 60.0
"""How often every worker lays it down anew, so that a Redis that lost its memory has it again."""

FRESH_SECONDS: Final = 60.0
"""How long a producer uses its copy before it looks again."""


class PublishedStore:
    """Both ends; it holds names, rules and hours, and nothing that is secret."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._catalogue = _Copy(self._read_catalogue)
        self._plan = _Copy(self._read_plan)

    def publish(self, catalogue: Catalogue, plan: ReminderPlan | None = None) -> None:
        """Raises Unavailable."""
        texts = {KEY: catalogue.to_json()} | ({PLAN: plan.to_json()} if plan else {})
        with redis_errors():
            self._redis.mset(texts)

    def catalogue(self) -> Catalogue:
        """The catalogue, or a copy that may be older while Redis is away. Raises NotFound and Unavailable."""
        return self._catalogue.get()

    def reminder_plan(self) -> ReminderPlan:
        """The plan of reminders, in the same way."""
        return self._plan.get()

    def close(self) -> None:
        self._redis.close()

    def _read_catalogue(self) -> Catalogue:
        return Catalogue.from_json(self._read(KEY, "catalogue of templates", "catalogue"))

    def _read_plan(self) -> ReminderPlan:
        from harkara.occasions import ReminderPlan

        return ReminderPlan.from_json(self._read(PLAN, "rules of reminders", "reminders"), self.catalogue())

    def _read(self, key: str, what: str, option: str) -> str:
        with redis_errors():
            text = cast("str | None", self._redis.get(key))
        if text is None:
            raise NotFound(f"no worker has laid a {what} into this Redis: start one, or pass {option}=")
        return text


class _Copy(Generic[T]):
    """What was read last, for as long as it is fresh, and for as long as there is no newer one."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._kept: T | None = None
        self._stale_at = 0.0

    def get(self) -> T:
        if self._kept is None or time.monotonic() >= self._stale_at:
            try:
                self._kept = self._read()
            except Unavailable:
                if self._kept is None:
                    raise
            self._stale_at = time.monotonic() + FRESH_SECONDS
        return self._kept
