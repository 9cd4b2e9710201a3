"""Celery on a host with a wrong wall clock: `python -m tests.acceptance.skewed_clock SECONDS[~STEP] …`.

The clock is SECONDS ahead. With STEP it is set forward and back by as much, again and again.
"""

from __future__ import annotations

import sys
import time
from itertools import cycle
from threading import Thread

import time_machine
from celery.__main__ import main

EVERY_SECONDS = 2.0


def jump(clock: time_machine.Traveller, step: float) -> None:
    for by in cycle((step, -2 * step, step)):
        time.sleep(EVERY_SECONDS)
        clock.shift(by)


if __name__ == "__main__":
    ahead, _, step = sys.argv.pop(1).partition("~")
    with time_machine.travel(time.time() + float(ahead), tick=True) as clock:
        if step:
            Thread(target=jump, args=(clock, float(step)), daemon=True).start()
        main()
