"""A worker's blocking read from a Redis whose host died without closing the connection."""

from __future__ import annotations

import socket
from contextlib import suppress

from kombu import Consumer, Queue

from config import queue_elements
from config.queue_elements import Transport
from config.redis_celery import TRANSPORT, RedisCelery
from harkara.redis_client import connect
from harness.valkey import ValkeyServer, valkey
from tests.acceptance.failover_proxy import failover_proxy


def test_an_overdue_read_ends_within_ten_seconds() -> None:
    """kombu's own bound: an overdue read is noticed at the second of two checks."""
    assert Transport.brpop_timeout + 2 * TRANSPORT["health_check_interval"] <= 10
    assert TRANSPORT["health_check_interval"] >= TRANSPORT["socket_timeout"], "as patient as every other command"


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
            with connect(successor.url, seconds=3) as producer:
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
