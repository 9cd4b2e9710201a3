"""A Redis whose host is gone: no packet ends the connection on which a worker waits for its next task."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from kombu import Connection, Consumer, Queue
from kombu.asynchronous import Hub

from config.queue_elements import Transport
from config.redis_celery import TRANSPORT
from harness.valkey import ValkeyServer

NOTICED_SECONDS = 10.0


class EventLoop(Hub):
    """Remembers the intervals of periodic calls."""

    def __init__(self) -> None:
        super().__init__()
        self.intervals: dict[str, float] = {}

    def call_repeatedly(self, delay: float, callback: Callable[[], object], *args: object) -> Any:
        self.intervals[callback.__name__] = delay
        return super().call_repeatedly(delay, callback, *args)


def test_a_worker_leaves_a_redis_that_owes_an_answer_within_seconds(valkey_server: ValkeyServer) -> None:
    """Its sockets accept what is sent until the kernel gives up, after a quarter of an hour."""
    loop, server = EventLoop(), valkey_server
    with Connection(
        hostname="127.0.0.1", port=server.port, virtual_host="0", transport=Transport, transport_options={**TRANSPORT}
    ) as connection:
        connection.register_with_event_loop(loop)
        with Consumer(connection, [Queue("silent")]) as consumer:
            channel: Any = consumer.channel
            for before_wait in loop.on_tick:
                before_wait()
            waiting = channel._in_poll
            assert waiting, "the worker waits for a task"
            transport: Any = connection.transport
            cycle = transport.cycle
            cycle.maybe_check_brpop_health()
            assert channel._in_poll is waiting, "an answer that is not late is awaited"
            channel._brpop_sent_at = monotonic() - NOTICED_SECONDS + loop.intervals["maybe_check_brpop_health"]
            cycle.maybe_check_brpop_health()
            assert channel._in_poll is None
