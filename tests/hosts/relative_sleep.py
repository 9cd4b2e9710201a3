"""Runs a module as `python -m MODULE …` does, below libfaketime: `python -m tests.hosts.relative_sleep MODULE …`.

Python sleeps until a moment of the monotonic clock, which libfaketime takes for one of the wall clock and refuses.
Locks and events wait by other calls, which it leaves alone.
"""

from __future__ import annotations

import runpy
import select
import sys
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex) -> None:
    select.select([], [], [], float(seconds))


if __name__ == "__main__":
    time.sleep = sleep
    sys.argv.pop(0)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
