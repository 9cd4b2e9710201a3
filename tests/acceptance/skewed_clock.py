"""Celery on a host with a wrong wall clock: `python -m tests.acceptance.skewed_clock SECONDS …`."""

from __future__ import annotations

import sys
import time

import time_machine
from celery.__main__ import main

if __name__ == "__main__":
    with time_machine.travel(time.time() + float(sys.argv.pop(1)), tick=True):
        main()
