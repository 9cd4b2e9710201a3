"""A process that kills or freezes itself at a named place, for the crash tests alone."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from threading import Event, Lock, Timer

_SPEC = re.compile(r"(?P<name>K\d[a-z]?)(?:(?P<how>[@*])(?P<nth>\d+))?(?:\+(?P<delay>[\d.]+))?(?P<frozen>~)?")


def killer(spec: str) -> Callable[[str], None]:
    """`K3` dies when it first comes to K3, `K3@5` at the fifth time, `K3*4` when four stand there (the others wait).

    `K3+0.4` dies that many seconds later, `K3~` freezes instead until a SIGCONT. Raises ValueError for anything else.
    """
    wish = _SPEC.fullmatch(spec)
    if wish is None:
        raise ValueError(f"a kill point looks like K3, K3@5, K3*4, K3+0.4 or K3~, not {spec!r}")
    left = int(wish["nth"] or 1)
    lock = Lock()
    all_there = Event()

    def checkpoint(reached: str) -> None:
        nonlocal left
        if reached != wish["name"]:
            return
        with lock:
            left -= 1
            others = left
        if others == 0:
            _after(float(wish["delay"] or 0), signal.SIGSTOP if wish["frozen"] else signal.SIGKILL)
            all_there.set()
        elif others > 0 and wish["how"] == "*":
            all_there.wait()

    return checkpoint


def _after(seconds: float, number: signal.Signals) -> None:
    if seconds:
        Timer(seconds, _strike, (number,)).start()
    else:
        _strike(number)


def _strike(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.2)  # it takes a moment until every thread has stopped
