"""Defer a call until the test runs, and hide its arguments from mypy, so that a case may have wrong types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def deferred(kind: Any, *arguments: Any, **named: Any) -> Callable[[], object]:
    return lambda: kind(*arguments, **named)
