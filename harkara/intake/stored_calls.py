"""What a dead letter stores of a call by task name: nothing that may hold a one-time code."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from harkara.catalogue import Catalogue

ENQUEUE: Final = "harkara.enqueue"


def storable_call(catalogue: Catalogue, task: str, args: Any, kwargs: Any) -> str | None:
    """Return the call as JSON, for a retry; None if it may hold a one-time code.

    A body of `harkara.enqueue` that cannot be parsed may hold one: it does not name its category.
    """
    call = json.dumps({"task": task, "args": args, "kwargs": kwargs})
    if catalogue.may_hold_code(call) or (task == ENQUEUE and not _is_request(catalogue, args)):
        return None
    return call


def storable_element(catalogue: Catalogue, element: str) -> str | None:
    """Return an element of a Celery queue; None if it is no call, or may hold a one-time code.

    Its body is not Base64, as Celery writes it: an erasure finds no number in that.
    """
    try:
        return None if storable_call(catalogue, *_call_of(element)) is None else _readable(element)
    except Exception:  # anyone who reaches Redis can push anything, and it is nested too deeply, or no text at all
        return None


def _is_request(catalogue: Catalogue, args: Any) -> bool:
    try:
        # Without the options: one that only a newer release knows is worth a retry after an upgrade.
        catalogue.envelope(args[0])
    except Exception:  # the arguments are whatever the application passed
        return False
    return True


def _readable(element: str) -> str:
    """Return the same element with its body as text, which kombu reads as well. Raises any error."""
    message = json.loads(element)
    if message["properties"].get("body_encoding") == "base64":
        message["body"] = base64.b64decode(message["body"]).decode()
        del message["properties"]["body_encoding"]
    return json.dumps(message)


def _call_of(element: str) -> tuple[str, Any, Any]:
    """Return task, args and kwargs, which each protocol of Celery has at another place. Raises any error."""
    message = json.loads(_readable(element))
    body = json.loads(message["body"])
    match message["headers"], body:
        case {"task": str(name)}, [args, kwargs, *_]:
            return name, args, kwargs
        case _, {"task": str(name), "args": args, "kwargs": kwargs}:
            return name, args, kwargs
    raise ValueError
