"""Publishes Celery tasks by name; they carry ids and outcomes, never a number or a text."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, cast

import redis

from harkara.redis_client import connect, redis_errors
from harkara.task_elements import task_element
from harkara.unawaited_commands import UnawaitedCommands

ACCEPT: Final = "harkara.accept"
URGENT: Final = "harkara.urgent"
SEND: Final = "harkara.send"
THINK: Final = "harkara.think"
UPKEEP: Final = "harkara.upkeep"

QUEUES: Final = (URGENT, ACCEPT, SEND, THINK, UPKEEP)
"""In the order in which a worker reads them, the most urgent first."""

HINTS: Final = (URGENT, SEND)
"""Queues whose tasks carry nothing but ids."""


class Broker:
    """Pushes elements into the queues. Every call raises Unavailable within seconds when Redis does not accept it."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._unawaited = UnawaitedCommands(connection.connection_pool)

    @classmethod
    def at(cls, redis_url: str) -> Broker:
        """Return a broker whose calls answer or fail within a second. Raises Invalid for a wrong URL."""
        return cls(connect(redis_url, seconds=1))

    def publish_hints(self, ids: Sequence[str], *, urgent: bool) -> None:
        """Ask the workers to send these messages now.

        A hint does not expire: Celery would compare the publisher's clock with the worker's. An old one is harmless,
        since the claim finds nothing.
        """
        self._publish("harkara.send", URGENT if urgent else SEND, [list(ids)])

    def publish_unawaited_hints(self, ids: Sequence[str], *, urgent: bool) -> None:
        """Do the same without waiting for the answer, for a caller that leaves a lost hint to the sweep."""
        queue = URGENT if urgent else SEND
        with _errors("take harkara.send"):
            self._unawaited.send("LPUSH", queue, task_element("harkara.send", queue, [list(ids)]))

    def notify_webhooks(self) -> None:
        """Wake the workers to process webhooks."""
        self._publish("harkara.fold", UPKEEP, [])

    def publish_outcome(self, outcome: dict[str, Any]) -> None:
        """Hand an outcome that the database did not store to another worker, which retries."""
        self._publish("harkara.record", UPKEEP, [outcome])

    def ping(self, queue: str) -> None:
        """Ask the one worker that reads this queue to prove that it executes tasks."""
        self._publish("harkara.pulse", queue, [])

    def repeat_call(self, task: str, args: list[Any], kwargs: dict[str, Any], *, task_id: str) -> None:
        """Call a task again that an application called by name, under its id, by which a repeat is recognized."""
        queue = UPKEEP if task == "harkara.record" else ACCEPT
        self._publish(task, queue, args, kwargs=kwargs, task_id=task_id)

    def push(self, queue: str, element: str) -> None:
        """Push an element into a queue as it is."""
        with _errors(f"take an element of {queue}"):
            self._redis.lpush(queue, element)

    def queue_depths(self) -> dict[str, int]:
        """The number of tasks that wait in each queue."""
        with _errors("count the queues"), self._redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.llen(queue)
            return dict(zip(QUEUES, cast("list[int]", pipe.execute()), strict=True))

    def close(self) -> None:
        self._unawaited.close()
        self._redis.close()

    def _publish(self, task: str, queue: str, args: list[Any], **options: Any) -> None:
        with _errors(f"take {task}"):
            self._redis.lpush(queue, task_element(task, queue, args, **options))


def _errors(action: str) -> AbstractContextManager[None]:
    return redis_errors(action, "see that it runs and has memory")
