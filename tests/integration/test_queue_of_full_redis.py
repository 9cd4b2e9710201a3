"""Elements that the worker has not acknowledged: of a Redis that is full, and of one that is lost."""

from __future__ import annotations

from typing import Any

import redis
from kombu import Connection, Consumer, Producer, Queue

from config.queue_elements import Transport
from harness.valkey import ValkeyServer


def test_an_element_is_delivered_although_redis_takes_no_copy_of_it(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    received: list[Any] = []
    queue = Queue("elements")
    with Connection(hostname="127.0.0.1", port=valkey_server.port, virtual_host="0", transport=Transport) as connection:
        Producer(connection).publish({"id": 1}, routing_key="elements", declare=[queue])
        with Consumer(connection, [queue], callbacks=[lambda body, message: received.append((body, message))]):
            redis_client.config_set("maxmemory", 1)
            try:
                connection.drain_events(timeout=5)
                ((body, message),) = received
                assert body == {"id": 1}
                message.ack()
            finally:
                redis_client.config_set("maxmemory", 0)
        assert redis_client.hlen("unacked") == 0


def test_a_channel_closes_although_its_connection_was_dropped_before(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    queue = Queue("elements")
    connection = Connection(hostname="127.0.0.1", port=valkey_server.port, virtual_host="0", transport=Transport)
    Producer(connection).publish({"id": 1}, routing_key="elements", declare=[queue])
    received: list[Any] = []
    Consumer(connection, [queue], callbacks=[lambda body, message: received.append(message)]).consume()
    connection.drain_events(timeout=5)
    (message,) = received
    connection.transport.client = None  # Celery's consumer has dropped it, after an error
    message.channel.close()
    assert redis_client.hlen("unacked") == 1
