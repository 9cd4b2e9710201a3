"""Publishes Celery tasks by name; they carry ids and outcomes, never a number or a text."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError

from harkara.backends.celery_app import RedisCelery
from harkara.redis_client import redis_errors

ACCEPT: Final = "harkara.accept"
URGENT: Final = "harkara.urgent"
SEND: Final = "harkara.send"
UPKEEP: Final = "harkara.upkeep"

QUEUES: Final = (URGENT, ACCEPT, SEND, UPKEEP)
"""In the order in which a worker reads them, the most urgent first."""

HINTS: Final = (URGENT, SEND)
"""Queues whose tasks carry nothing but ids."""

QUIET_TRANSPORT: Final = {
    # Without timeouts, a publish waits forever for a server that accepts the connection and does not answer.
    "socket_timeout": 3,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    "health_check_interval": 25,
    # kombu retries to open a channel, whatever `retry` the publisher passes: 6 s for a refused connection.
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}


class Broker:
    """Publishes through a Celery app. Every call raises Unavailable within seconds when Redis does not accept it."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    @classmethod
    def at(cls, redis_url: str) -> Broker:
        """A broker for producers: its app knows no tasks and no result backend. Raises Invalid for a wrong URL."""
        transport = QUIET_TRANSPORT | {"socket_timeout": 1}
        app = RedisCelery("harkara-producer", redis_url, transport, set_as_current=False)
        app.conf.update(task_ignore_result=True, task_publish_retry=False)
        return cls(app)

    def publish_hints(self, ids: Sequence[str], *, urgent: bool) -> None:
        """Ask the workers to send these messages now.

        A hint does not expire: Celery would compare the publisher's clock with the worker's. An old one is harmless,
        since the claim finds nothing.
        """
        self._publish("harkara.send", URGENT if urgent else SEND, [list(ids)])

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
        with self._app.connection_for_write() as connection, _errors(f"take an element of {queue}"):
            client: Any = connection.default_channel.client  # type: ignore[attr-defined]  # of the Redis transport
            client.lpush(queue, element)

    def queue_depths(self) -> dict[str, int]:
        """The number of tasks that wait in each queue."""
        with self._app.connection_for_read() as connection, _errors("count the queues"):
            client: Any = connection.default_channel.client  # type: ignore[attr-defined]  # of the Redis transport
            return {queue: int(client.llen(queue)) for queue in QUEUES}

    def close(self) -> None:
        self._app.close()

    def _publish(self, task: str, queue: str, args: list[Any], **options: Any) -> None:
        with _errors(f"take {task}"):
            self._app.send_task(task, args=args, queue=queue, retry=False, ignore_result=True, **options)


def _errors(action: str) -> AbstractContextManager[None]:
    """kombu raises OperationalError and OSError where redis-py raises errors of its own."""
    return redis_errors(action, "see that it runs and has memory", also=(OperationalError, OSError))
