"""What Harkara pushes into the queues is, byte for byte, what Celery would have published."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
import redis

from config.periodic_work import WAKE_UPS, WakeUp
from config.redis_celery import RedisCelery
from harkara import Client
from harkara.backends.broker import ACCEPT, QUEUES, SEND, UPKEEP, URGENT, Broker
from harkara.task_elements import REPR_LENGTH, task_element
from harness.process import ROOT
from harness.valkey import ValkeyServer
from tests.integration.test_occasions import run_with

ID = "5b3d3e6c-2f57-4a4e-9a2b-0c5d6b1f7a11"
OUTCOME = {"id": "job_1", "epoch": 3, "text": "नमस्ते", "seconds": None}

CALLS: list[tuple[str, str, list[Any], dict[str, Any]]] = [
    ("harkara.send", URGENT, [["job_1", "job_2"]], {}),
    ("harkara.send", SEND, [[f"job_{n:032x}" for n in range(50)]], {}),
    ("harkara.fold", UPKEEP, [], {}),
    ("harkara.record", UPKEEP, [OUTCOME], {}),
    ("harkara.pulse", "harkara.own.1", [], {}),
    ("harkara.enqueue", ACCEPT, [{"to": "+919876543210"}], {"reference": "a"}),
    ("harkara.enqueue", ACCEPT, [{"message": 'Save 5%s "now" <id>'}], {"reference": "%(id)s"}),
    ("harkara.50%", "queue.50%", [], {}),
]

ARGUMENTS: dict[str, Any] = {"publish_hints": {"ids": ["job_1"], "urgent": False}, "publish_outcome": {"outcome": {}}}
ARGUMENTS |= {"ping": {"queue": "harkara.own.test"}}


def test_an_element_is_what_celery_would_publish(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    app = RedisCelery("test", valkey_server.url, {}, set_as_current=False)
    for task, queue, args, kwargs in CALLS:
        app.send_task(task, args=args, kwargs=kwargs, queue=queue, task_id=ID, ignore_result=True)
        assert pushed(task, queue, args, kwargs) == without_the_publisher(pop(redis_client, queue))


def test_the_app_of_a_deployment_would_publish_the_same(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    """Its settings, such as the serializer and the queues, can change an element."""
    script = f"""
from config.celery_app import app
for task, queue, args, kwargs in {CALLS!r}:
    app.send_task(task, args=args, kwargs=kwargs, queue=queue, task_id={ID!r}, ignore_result=True)
"""
    done = run_with("sqlite:///unused.db", valkey_server.url, script)
    assert done.returncode == 0, done.stderr
    for task, queue, args, kwargs in CALLS:
        assert pushed(task, queue, args, kwargs) == without_the_publisher(pop(redis_client, queue))


def pushed(task: str, queue: str, args: list[Any], kwargs: dict[str, Any]) -> str:
    return without_the_publisher(task_element(task, queue, args, kwargs, task_id=ID))


def pop(client: redis.Redis, queue: str) -> str:
    """Take the next element as a worker does, from the list that has the queue's name."""
    return cast(str, client.rpop(queue))


def without_the_publisher(element: str) -> str:
    """Leave out what differs in two publications of one call, and the end of a long description of its arguments."""
    found = json.loads(element)
    headers, properties = found["headers"], found["properties"]
    for name in (properties["delivery_tag"], properties["reply_to"], headers["origin"]):
        element = element.replace(f'"{name}"', '""')
    described = headers["argsrepr"]
    return element.replace(described, described[:900]) if len(described) >= REPR_LENGTH else element


@pytest.mark.parametrize("wake_up", [each for each in WAKE_UPS if each.method], ids=lambda wake_up: wake_up.method)
def test_a_wake_up_publishes_its_task_and_writes_nothing_else(
    wake_up: WakeUp, valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    with closing(Broker.at(valkey_server.url)) as broker:
        getattr(broker, str(wake_up.method))(**ARGUMENTS.get(str(wake_up.method), {}))
    (queue,) = cast("list[str]", redis_client.keys())
    assert json.loads(pop(redis_client, queue))["headers"]["task"] == wake_up.task


def test_urgent_hints_have_their_own_queue(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    with closing(Broker.at(valkey_server.url)) as broker:
        for urgent in (True, False, False):
            broker.publish_hints(["job_1"], urgent=urgent)
        assert broker.queue_depths() == dict.fromkeys(QUEUES, 0) | {URGENT: 1, SEND: 2}


def test_two_hints_have_ids_of_their_own(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    with closing(Broker.at(valkey_server.url)) as broker:
        for _ in range(2):
            broker.publish_hints(["job_1"], urgent=False)
    first, second = (json.loads(each) for each in cast("list[str]", redis_client.lrange(SEND, 0, -1)))
    assert first["headers"]["id"] != second["headers"]["id"]
    assert first["properties"]["delivery_tag"] != second["properties"]["delivery_tag"]


def test_celery_reads_the_wake_up_of_a_producer(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    with Client(valkey_server.url) as client:
        client.send("Hello", to="+919876500001")
    # By its module: a worker's app in the same process replaces the transport of the scheme.
    app = RedisCelery("test", valkey_server.url, {}, set_as_current=False)
    with app.connection_for_read(transport="kombu.transport.redis:Transport") as connection:
        message: Any = connection.SimpleQueue(ACCEPT).get(timeout=60)
        message.ack()
    assert (message.headers["task"], message.headers["retries"]) == ("harkara.accept", 0)
    assert message.payload[:2] == [[], {}]


def test_no_producer_imports_celery(tmp_path: Path) -> None:
    """Its import takes 170 ms, which the first message of a process would pay."""
    program = """
import sys
from harkara import Client
with Client("redis://127.0.0.1:1/0", database_url=sys.argv[1]):
    from harkara.backends.broker import Broker
    print([name for name in sys.modules if name.partition(".")[0] in ("celery", "kombu", "billiard")])
"""
    found = subprocess.run(
        [sys.executable, "-c", program, f"sqlite:///{tmp_path / 'ledger.db'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"
