"""Calls for a table of cases: made when the test runs, and free to break the types that mypy would hold them to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def deferred(kind: Any, *arguments: Any, **named: Any) -> Callable[[], object]:
    return lambda: kind(*arguments, **named)
