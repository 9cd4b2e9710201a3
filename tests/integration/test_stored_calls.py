"""A failed call by task name and a rejected element are kept as dead letters, but no one-time code."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from harkara import Envelope, Template, Text
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import get_dead_letters
from harness.valkey import ValkeyServer
from tests.integration.test_occasions import run

CODE = "73915482"
CODE_BODY = Envelope(
    to="+919876500001",
    messages=[Template("account_verification", body=["Asha", "a@example.com", "98765", CODE, "2"])],
).body()
"""Chat Mitra's own body of a one-time code, which does not name its category."""
TEXT_BODY = Envelope(to="+919876500001", messages=[Text("Your table is ready.")]).body()


@pytest.fixture
def letters(db: Database, valkey_server: ValkeyServer) -> dict[str, str | None]:
    """The contents of the dead letters of all calls and elements, by id; one process for all, as it takes seconds."""
    script = f"""
import json
from tasks.accept import enqueue
from tasks.reject import reject
calls, elements = json.loads({json.dumps([CALLS, ELEMENTS])!r})
for name, (body, options) in calls.items():
    enqueue.apply([body], options, task_id=name)
for name, element in elements.items():
    reject.apply(["harkara.accept", element, "Its task is not known."], task_id=name)
"""
    done = run(db, valkey_server, script)
    assert done.returncode == 0, done.stderr
    assert CODE not in done.stderr + done.stdout
    return {each.entry: each.content for each in get_dead_letters(db)}


def test_no_dead_letter_of_a_call_or_an_element_holds_a_one_time_code(letters: dict[str, str | None]) -> None:
    assert letters.keys() == CALLS.keys() | ELEMENTS.keys()
    kept = {name: content for name, content in letters.items() if content is not None}
    assert kept == {
        "text": json.dumps({"task": "harkara.enqueue", "args": [TEXT_BODY], "kwargs": {"unknown": True}}),
        "newer text": _element("harkara.enqueue", TEXT_BODY, encoded=False, unknown=True),
        "newer task": _element("harkara.newer", ["job_1"], encoded=False),
        "v1 text": ELEMENTS["v1 text"],
    }


def _element(task: str, *args: Any, encoded: bool = True, **kwargs: Any) -> str:
    """Return an element of Celery's second protocol, as kombu writes it, or with a body that is not encoded."""
    body, properties = json.dumps([args, kwargs, {}]), {}
    if encoded:
        body, properties = base64.b64encode(body.encode()).decode(), {"body_encoding": "base64"}
    return json.dumps({"body": body, "headers": {"task": task}, "properties": properties})


def _v1(task: str, *args: Any, **kwargs: Any) -> str:
    """Return an element of Celery's first protocol, whose body is not encoded."""
    body = json.dumps({"task": task, "args": args, "kwargs": kwargs})
    return json.dumps({"body": body, "headers": {}, "properties": {}})


CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "text": (TEXT_BODY, {"unknown": True}),
    "code": (CODE_BODY, {"unknown": True}),
    "named category": (TEXT_BODY, {"category": "authentication", "unknown": True}),
    "no request": ({"to": "919876500001", "code": CODE}, {}),
    "wrong number": (CODE_BODY | {"recipient_mobile_number": "12"}, {}),
    "no object": (CODE, {}),
}
ELEMENTS = {
    "newer text": _element("harkara.enqueue", TEXT_BODY, unknown=True),
    "newer task": _element("harkara.newer", ["job_1"]),
    "v1 text": _v1("harkara.enqueue", TEXT_BODY),
    "v1 code": _v1("harkara.enqueue", CODE_BODY),
    "code of a call": _element("harkara.enqueue", CODE_BODY),
    "code of another task": _element("harkara.newer", {"messages": CODE_BODY}),
    "no body": _element("harkara.enqueue", CODE),
    "no call": json.dumps({"code": CODE}),
    "no JSON": CODE,
    "too deep": "[" * 50_000 + CODE,
}
