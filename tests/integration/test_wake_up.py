"""The wake-up that producers write without Celery is the task that Celery would have written."""

from __future__ import annotations

from typing import Any

import redis
from kombu import Connection

from harkara import Client
from harness.valkey import ValkeyServer


def test_celery_reads_the_wake_up_of_a_producer(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    with Client(valkey_server.url) as client:
        client.send("Hello", to="+919876500001")
    with Connection(valkey_server.url) as connection:
        message: Any = connection.SimpleQueue("harkara.accept").get(timeout=5)
        message.ack()
    assert (message.headers["task"], message.headers["retries"]) == ("harkara.accept", 0)
    assert message.payload[:2] == [[], {}]
