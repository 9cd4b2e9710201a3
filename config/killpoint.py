"""A process that kills itself at a named place, for the crash tests alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from threading import Lock, Timer


def killer(spec: str) -> Callable[[str], None]:
    """`K3` dies when it first comes to K3, `K3@5` at the fifth time, `K3+0.4` that many seconds later."""
    name, _, delay = spec.partition("+")
    name, _, nth = name.partition("@")
    left = int(nth or 1)
    lock = Lock()

    def checkpoint(reached: str) -> None:
        nonlocal left
        if reached != name:
            return
        with lock:
            left -= 1
            mine = left == 0
        if mine and delay:
            Timer(float(delay), _die).start()
        elif mine:
            _die()

    return checkpoint


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
