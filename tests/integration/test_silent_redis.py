"""A Redis whose host is gone: no packet ends the connection on which a worker waits for its next task."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from kombu import Connection, Consumer, Queue
from kombu.asynchronous import Hub

from config import queue_elements
from config.queue_elements import Transport
from config.redis_celery import TRANSPORT, RedisCelery
from harkara.redis_client import connect
from harness.valkey import ValkeyServer, valkey
from tests.acceptance.failover_proxy import failover_proxy

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


def test_a_read_that_is_never_answered_continues_on_the_successor(redis_server: ValkeyServer) -> None:
    """Nor do connections that were idle meanwhile cost timeouts, which would stop the worker's event loop."""
    queue_elements.install(())
    received: list[object] = []
    with (
        valkey() as successor,
        failover_proxy(redis_server.port) as proxy,
        RedisCelery("test", proxy.url, TRANSPORT, set_as_current=False) as app,
        app.connection_for_read() as connection,
        Consumer(connection, [Queue("test")], on_message=lambda message: received.append(message.payload)),
    ):
        drain(connection)
        pool = connection.default_channel.pool
        idle = [pool.get_connection() for _ in range(4)]
        for each in idle:
            pool.release(each)
        with redis_server.suspended():
            proxy.upstream = successor.port
            with connect(successor.url, seconds=30) as producer:
                producer.lpush("test", ELEMENT)
            while not received:
                drain(connection)
            for each in idle:
                each.send_command("PING")
                assert each.read_response() == b"PONG"


def drain(connection: object) -> None:
    with suppress(socket.timeout):
        connection.drain_events(timeout=1)  # type: ignore[attr-defined]  # kombu's types lack it


ELEMENT = """{"body": "bnVsbA==", "content-type": "application/json", "content-encoding": "utf-8", "headers": {},
    "properties": {"body_encoding": "base64", "delivery_info": {"exchange": "", "routing_key": "test"},
    "delivery_tag": "one"}}"""
