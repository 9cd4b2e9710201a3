"""The wake-up of a worker: the Celery task `harkara.accept` as an element of its queue, written without Celery.

Source: Celery's documentation, "Message Protocol", version 2, and kombu's Redis transport (kombu/transport/redis.py and
virtual/base.py of 5.7), which keeps a message as a JSON object in the list that has the queue's name.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, Final
from uuid import uuid4

QUEUE: Final = "harkara.accept"
TASK: Final = "harkara.accept"

_BODY: Final = b64encode(
    json.dumps([[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode()
).decode()


def wake_up_command() -> tuple[Any, ...]:
    """Return the command of Redis that queues the task."""
    return "LPUSH", QUEUE, json.dumps(_element(str(uuid4())))


def _element(task_id: str) -> dict[str, Any]:
    return {
        "body": _BODY,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": TASK,
            "id": task_id,
            "root_id": task_id,
            "parent_id": None,
            "group": None,
            "eta": None,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            "argsrepr": "[]",
            "kwargsrepr": "{}",
            "origin": "harkara",
            "ignore_result": True,
        },
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
