"""Restarts of a process that ends while the others run, such as a worker that was killed for its memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from honcho.manager import Manager
from honcho.printer import Printer
from honcho.process import Process

from workers.exit_status import WRONG_SETTING

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
POLL_SECONDS = 0.1


@dataclass
class RestartPolicy:
    """Decides after how many seconds a process that ended starts again.

    The delay doubles from one second to 30 while the process ends at once, and is one second again after a run of 30.
    """

    _delay: float = FIRST_DELAY

    def delay(self, seconds: float) -> float:
        """Return the delay after a run of these seconds."""
        delay = FIRST_DELAY if seconds >= LONGEST_DELAY else self._delay
        self._delay = min(2 * delay, LONGEST_DELAY)
        return delay


def signal_of(status: int) -> str | None:
    """Return the name of the signal that ended a process with this status, or None.

    `status` is negative for a signal, as in `subprocess`, or 128 and the signal, as a shell has it.
    """
    number = -status if status < 0 else status - 128
    return signal.Signals(number).name if number in set(signal.Signals) else None


def sentence(status: int, delay: float) -> str:
    """Describe the end of a process and its restart."""
    name = signal_of(status)
    cause = f"was ended by {name}" if name else f"ended with status {status}"
    memory = "; the system does that when memory runs out" if name == "SIGKILL" else ""
    return f"{cause}{memory}. It starts again in {delay:g} s."


class RestartingManager(Manager):  # type: ignore[misc]  # honcho has no types
    """A manager whose processes start again until it ends them, or one of them ends with WRONG_SETTING.

    It asks each process's runner to end it, since the pid that it knows may be of a former run. It does so by closing
    a pipe, which the system also does when the manager is killed.
    """

    def __init__(self, printer: Printer | None = None, *, started: Callable[[], object] = lambda: None) -> None:
        """`started` is called after the start of all processes, when it may start threads: a fork would copy those."""
        super().__init__(printer)
        self._stopped, self._running = multiprocessing.Pipe(duplex=False)
        self._process_ctor = self._new_process
        self._started = started

    def _start(self) -> None:
        super()._start()
        self._started()

    def _new_process(self, command: str, **options: Any) -> _RestartingProcess:
        return _RestartingProcess(command, self._stopped, self._running, **options)

    def _killall(self, force: bool = False) -> None:
        if force:
            super()._killall(force=True)
        elif not self._running.closed:
            self._running.close()
            self._system_print("stopping all processes\n")


class _RestartingProcess(Process):  # type: ignore[misc]  # honcho has no types
    """A command that is run again and again, by a process of its own."""

    def __init__(self, command: str, stopped: Connection, running: Connection, **options: Any) -> None:
        super().__init__(command, **options)
        self._stopped, self._running = stopped, running

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        self._running.close()  # the manager's own end is then the last one
        # A handler, unlike SIG_IGN, is not inherited by the command.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        threading.Thread(target=self._forward_stop, name="stop", daemon=True).start()
        policy = RestartPolicy()
        while True:
            held = _HeldStop(events)
            started = time.monotonic()
            super().run(held)
            if self._child.returncode == WRONG_SETTING or self._stopped.poll():
                break
            delay = policy.delay(time.monotonic() - started)
            self._send_message(f"{self.name} {sentence(self._child.returncode, delay)}\n")
            if self._stopped.poll(delay):
                break
        events.put(held.message)

    def _forward_stop(self) -> None:
        """End the command once it is to stop: each run gets one SIGTERM, which asks it to finish its work.

        That is also so when the manager was killed: without it, nothing would restart or stop the command.
        """
        self._stopped.poll(None)
        manager = multiprocessing.parent_process()
        signaled = None
        while True:
            child = self._child
            if child is not None and child.poll() is None:
                if child is not signaled:
                    with suppress(ProcessLookupError):
                        os.killpg(child.pid, signal.SIGTERM)
                    signaled = child
            elif manager is not None and not manager.is_alive():
                os._exit(1)  # the last lines of the command have no reader, and would be waited for
            time.sleep(POLL_SECONDS)


class _HeldStop:
    """The queue of a manager's events, without the event that a process has stopped for good."""

    def __init__(self, events: Any) -> None:
        self._events = events
        self.message: Any = None

    def put(self, message: Any) -> None:
        if message.type == "stop":
            self.message = message
        else:
            self._events.put(message)
