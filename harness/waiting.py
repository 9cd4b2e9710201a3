"""Waiting for a condition, with a limit in seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

DETAILS = 3000
"""Characters of the details that an error shows, from their end."""


def wait_until(
    condition: Callable[[], object],
    seconds: float,
    what: str,
    *,
    details: Callable[[], str] | None = None,
    interval: float = 0.05,
) -> float:
    """Check the condition every `interval` seconds until it holds; return that time in seconds since the epoch.

    Raises TimeoutError after `seconds`. The error names `what` was expected and ends with the `details` of that moment.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            found = f"; {details()[-DETAILS:]}" if details else ""
            raise TimeoutError(f"not within {seconds:g} s: {what}{found}")
        time.sleep(interval)
    return time.time()
