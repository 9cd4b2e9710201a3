"""Elements of the Celery queues that are no tasks end no worker, and are kept where people see them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from harkara import Text
from harkara.backends.broker import QUEUES, SEND
from harkara.ledger.dead_letters import count_dead_letters, get_dead_letters
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment

SECRET = "9876512345"


def test_no_element_of_a_queue_ends_a_worker(tmp_path: Path, redis_server: ValkeyServer) -> None:
    with deployment(tmp_path, redis_server, f"sqlite:///{tmp_path / 'harkara.db'}") as harkara:
        worker = harkara.start_worker()
        with connect(redis_server.url, seconds=10) as redis:
            for queue in QUEUES:
                for element in GARBAGE:
                    redis.lpush(queue, element)
            expected = len(QUEUES) * len(GARBAGE)
            harkara.wait_until(lambda: _number(harkara.ledger, "queue") == expected, "all elements are kept")
            for call in WRONG_CALLS:
                redis.lpush(SEND if "send" in call["headers"]["task"] else "harkara.accept", json.dumps(call))
            harkara.wait_until(lambda: _number(harkara.ledger, "task") == 3, "the failed calls are kept")
        with harkara.client() as client:
            client.send(Text("Still here"), to="+919876500001")
        harkara.wait_accepted(1)
        assert worker.alive
        letters = get_dead_letters(harkara.ledger)
        assert {each.kind for each in letters if each.source == "queue"} == set(QUEUES)
        assert SECRET not in worker.output()


def _number(ledger: Any, source: str) -> int:
    return int(count_dead_letters(ledger).get(source, 0))


def _task(name: Any, body: Any, *, properties: Any = None, **headers: Any) -> dict[str, Any]:
    """Return an element as kombu writes it."""
    return {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": name, "id": "of-a-test", "lang": "py", **headers},
        "properties": properties
        or {
            "correlation_id": "of-a-test",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "harkara.accept"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": f"tag-{name}-{len(json.dumps(headers))}",
        },
    }


NO_ARGUMENTS: Any = [[], {}, {}]
GARBAGE = [
    "",
    "no JSON " + SECRET,
    b"\xff\xfe\x00" + SECRET.encode(),
    "[" * 50_000,
    "null",
    "7",
    '"text"',
    "[]",
    "{}",
    json.dumps({"body": SECRET, "headers": None, "properties": None}),
    json.dumps(_task("harkara.accept", NO_ARGUMENTS, properties={"delivery_tag": 7})),
    json.dumps(_task("harkara.accept", NO_ARGUMENTS, properties={"delivery_tag": "t", "delivery_info": SECRET})),
    json.dumps(_task("harkara.unknown", [[SECRET], {}, {}])),
    json.dumps(_task(["harkara.accept"], NO_ARGUMENTS)),
    json.dumps(_task("harkara.accept", NO_ARGUMENTS, id={})),
    json.dumps(_task("harkara.accept", NO_ARGUMENTS, expires=SECRET)),
    json.dumps(_task("harkara.accept", NO_ARGUMENTS, eta="9999-12-31T23:59:59+00:00")),
    json.dumps(_task("harkara.accept", NO_ARGUMENTS, retries="many")),
    json.dumps(_task("harkara.accept", NO_ARGUMENTS, timelimit=5)),
    json.dumps(_task("harkara.accept", {"to": SECRET})),
    json.dumps(_task("harkara.accept", SECRET)),
    json.dumps(_task("harkara.accept", NO_ARGUMENTS) | {"body": "no base64 !"}),
    json.dumps(_task("harkara.accept", NO_ARGUMENTS) | {"content-type": "application/x-python-serialize"}),
]
"""What a hostile or a broken process may push into a queue."""

WRONG_CALLS = [
    _task("harkara.enqueue", [[SECRET], {}, {}]),
    _task("harkara.occasion", [[], {"to": SECRET}, {}], id="another"),
    _task("harkara.record", [[{"outcome": SECRET}], {}, {}], id="a-third"),
    _task("harkara.send", [[7], {}, {}], id="a-fourth"),
    _task("harkara.send", [[[{"a": 1}]], {}, {}], id="a-fifth"),
]
"""Calls of tasks with arguments of the wrong type; hints carry nothing that must be kept."""
