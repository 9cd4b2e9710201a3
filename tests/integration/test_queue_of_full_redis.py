"""A full Redis that gives an element away and takes no copy of it: the worker has the only one."""

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
