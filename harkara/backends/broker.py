"""The road: what is put into Redis for the workers, by task name; ids and outcomes only, never a number or a text."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError

from harkara.redis_client import redis_errors

ACCEPT: Final = "harkara.accept"
URGENT: Final = "harkara.urgent"
SEND: Final = "harkara.send"
UPKEEP: Final = "harkara.upkeep"

QUEUES: Final = (URGENT, ACCEPT, SEND, UPKEEP)
"""In the order in which a worker looks: what is urgent first."""

HINTS: Final = (URGENT, SEND)
"""Those that hold nothing but ids."""

HINT_SECONDS: Final = 60
"""A hint older than this is worthless: the sweep has made a new one."""

QUIET_TRANSPORT: Final = {
    # Without these a publish waits for ever on a server that accepts the connection and says nothing.
    "socket_timeout": 3,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    "health_check_interval": 25,
    # kombu opens a channel with retries of its own, whatever the publisher says: six seconds for a refused connection.
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}


class Broker:
    """Publishes through a Celery app. Every call raises Unavailable, within seconds, when Redis does not take it."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    @classmethod
    def at(cls, redis_url: str) -> Broker:
        """For producers: no more of Celery than it takes to put a task into a queue."""
        app = Celery("harkara-producer", broker=redis_url, set_as_current=False)
        app.conf.update(
            task_ignore_result=True,
            task_publish_retry=False,
            broker_transport_options=QUIET_TRANSPORT | {"socket_timeout": 1},
        )
        return cls(app)

    def publish_hints(self, ids: Sequence[str], *, urgent: bool) -> None:
        """Tells the workers that these messages may go now."""
        self._publish("harkara.send", URGENT if urgent else SEND, [list(ids)], expires=HINT_SECONDS)

    def notify_intake(self) -> None:
        """Tells the workers that something lies in the intake."""
        self._publish("harkara.accept", ACCEPT, [], expires=HINT_SECONDS)

    def notify_webhooks(self) -> None:
        """Tells the workers that webhooks have come."""
        self._publish("harkara.fold", UPKEEP, [], expires=HINT_SECONDS)

    def publish_outcome(self, outcome: dict[str, Any]) -> None:
        """Keeps an outcome that the database would not take."""
        self._publish("harkara.record", UPKEEP, [outcome])

    def ping(self, queue: str) -> None:
        """Asks the one worker that looks into this queue for a sign of life."""
        self._publish("harkara.pulse", queue, [], expires=HINT_SECONDS)

    def queue_depths(self) -> dict[str, int]:
        """How many hints each queue holds that nobody has taken yet."""
        with self._app.connection_for_read() as connection, _errors("count the queues"):
            client: Any = connection.default_channel.client  # type: ignore[attr-defined]  # the Redis transport's own
            return {queue: int(client.llen(queue)) for queue in QUEUES}

    def close(self) -> None:
        self._app.close()

    def _publish(self, task: str, queue: str, args: list[Any], **options: Any) -> None:
        with _errors(f"take {task}"):
            self._app.send_task(task, args=args, queue=queue, retry=False, ignore_result=True, **options)


def _errors(action: str) -> AbstractContextManager[None]:
    """kombu raises OperationalError and OSError where redis-py raises errors of its own."""
    return redis_errors(action, "see that it runs and has memory", also=(OperationalError, OSError))
