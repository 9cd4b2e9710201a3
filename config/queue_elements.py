"""Elements of the Celery queues: one that is no task of this release becomes a task that keeps it as a dead letter."""

from __future__ import annotations

import base64
import json
from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from kombu import transport
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Channel as RedisChannel
from kombu.transport.redis import QoS as RedisQoS
from kombu.transport.redis import Transport as RedisTransport
from redis.exceptions import RedisError

from harkara.redis_address import Sentinels
from harkara.redis_client import FailoverConnection, FailoverTlsConnection

REJECT: Final = "harkara.reject"
"""The name of the task that keeps an element as a dead letter."""

OWN_QUEUES: Final = "harkara."
"""The start of the names of all queues that hold tasks."""

_TEXTS = ("lang", "shadow", "root_id", "parent_id", "group", "argsrepr", "kwargsrepr", "origin", "reply_to")

_known: Container[str] = ()


def install(tasks: Container[str]) -> None:
    """Check the elements that this process takes from Redis; `tasks` are the names of those that it can run.

    Anyone who reaches Redis can push anything, and kombu and Celery end the worker, or log the element, at most of it.
    The transports are replaced by name: Flower passes the URL of the broker on, whose scheme must stay `redis`.
    """
    global _known
    _known = tasks
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
        transport._transport_cache.pop(scheme, None)  # type: ignore[attr-defined]  # a process may have connected before


class QoS(RedisQoS):
    """Keeps the worker alive where kombu would end it: when Redis takes no copy of an element, and when it is lost.

    Of an element that a full Redis gives away and does not copy to `unacked`, the worker has the only copy.
    """

    def append(self, message: Any, delivery_tag: str) -> None:
        try:
            super().append(message, delivery_tag)
        except (RedisError, OSError):
            super(RedisQoS, self).append(message, delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:
        """Give back what is not acknowledged, unless Celery has dropped the connection, which an error had broken.

        kombu has no address then. Redis has copies in `unacked`, and delivers them after the visibility timeout.
        """
        if self.channel.connection.client is not None:
            super().restore_unacked(client)


class Channel(RedisChannel):
    """Replaces each element that is no task, before kombu reads it. Connects as every other client of Redis does."""

    QoS = QoS
    connection_class = FailoverConnection
    connection_class_ssl = FailoverTlsConnection
    from_transport_options = (*RedisChannel.from_transport_options, "sentinels")
    sentinels: Sentinels | None = None
    _read_from: Any = None
    """The socket of the last blocking read."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]  # kombu's types lack it
        return found | ({"sentinels": self.sentinels} if self.sentinels else {})

    def _create_client(self, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous)  # type: ignore[misc]  # kombu's types lack it
        client.set_response_callback("BRPOP", self._checked)
        return client

    def _brpop_start(self, timeout: int | None = None) -> None:
        """Read on; after a loss of the connection, also drop the idle ones, each of which would cost a timeout."""
        sock: Any = self.client.connection._sock
        if self._read_from not in (None, sock):
            self.pool.disconnect(inuse_connections=False)
        self._read_from = sock
        super()._brpop_start(timeout)  # type: ignore[misc]  # kombu's types lack it

    def _checked(self, reply: Any) -> Any:
        if not reply:
            return None
        key, element = reply
        queue = key.decode("utf-8", "replace").removeprefix(self.global_keyprefix).rsplit(self.sep, 1)[0]
        # Answers to remote control come through queues of their own.
        problem = self._problem(element) if queue.startswith(OWN_QUEUES) else None
        return (key, element) if problem is None else (key, _rejecting(queue, element, problem))

    def _problem(self, element: bytes) -> str | None:
        """Return why the element is no task of this release; None if it is one."""
        try:
            payload = json.loads(element)
            message = self.Message(payload, channel=self)
            message.accept = {"application/json"}
            return _envelope_problem(payload) or _task_problem(payload["headers"], message.decode())
        except RecursionError:
            return "It is nested too deeply."
        except Exception as error:  # whatever kombu raises for what it cannot read
            return f"It cannot be read ({type(error).__name__})."


class Transport(RedisTransport):
    """The transport of the schemes `redis` and `rediss` in this process.

    Whatever Redis answers, the consumer connects again; kombu lets an error such as READONLY end the worker.
    """

    Channel = Channel
    connection_errors = (*RedisTransport.connection_errors, RedisError)


def _envelope_problem(payload: Mapping[str, Any]) -> str | None:
    match payload:
        case {"headers": dict(), "properties": {"delivery_tag": str(), "delivery_info": dict(info)} as properties}:
            texts = [info.get("exchange"), info.get("routing_key"), properties.get("correlation_id")]
            number = properties.get("priority")
            return None if _texts(texts) and isinstance(number, int | None) else "A property has a wrong type."
    return "It is no message of kombu."


def _task_problem(headers: Mapping[str, Any], body: Any) -> str | None:
    """Check both protocols of Celery: the second has the task's name and options in the headers."""
    match headers, body:
        case {"task": name}, [list(), dict(), dict() | None]:
            options = headers
        case _, {"task": name, "args": list(), "kwargs": dict()} if "task" not in headers:
            options = body
        case _:
            return "It is no message of Celery."
    if not isinstance(name, str) or name not in _known:
        return "Its task is not known to this release; do all processes run one version?"
    well_typed = (
        isinstance(options.get("id"), str)
        and _texts(options.get(field) for field in _TEXTS)
        and isinstance(options.get("retries"), int | None)
        and _is_time(options.get("eta"))
        and _is_time(options.get("expires"))
        and _is_limit(options.get("timelimit"))
    )
    return None if well_typed else "An option of the task has a wrong type."


def _texts(values: Any) -> bool:
    return all(isinstance(value, str | None) for value in values)


def _is_time(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, str) and 2000 <= datetime.fromisoformat(value).year < 2200


def _is_limit(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and len(value) == 2 and all(isinstance(each, int | float | None) for each in value)


def _rejecting(queue: str, element: bytes, problem: str) -> bytes:
    """Return a message of a task that keeps the element."""
    task_id = str(uuid4())
    args = [queue, element.decode("utf-8", "replace"), problem]
    body = base64.b64encode(json.dumps([args, {}, {}]).encode()).decode()
    properties = {
        "correlation_id": task_id,
        "delivery_tag": task_id,
        "delivery_info": {"exchange": "", "routing_key": queue},
        "body_encoding": "base64",
        "priority": 0,
    }
    headers = {"task": REJECT, "id": task_id, "lang": "py", "retries": 0}
    rejecting = {"headers": headers, "properties": properties, "body": body}
    rejecting |= {"content-type": "application/json", "content-encoding": "utf-8"}
    return json.dumps(rejecting).encode()
