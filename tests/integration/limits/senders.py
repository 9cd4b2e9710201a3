"""Eight processes of four threads each, which send as fast as the limiter lets them.

    python -m tests.integration.limits.senders URL ALLOWANCE SECONDS LEDGER

Prints "go" at the start. At the end it prints the moments of sending, then those of the missed slots, then those for
which a thread without a limiter woke as late as one that misses its slot. The moments are CLOCK_MONOTONIC, which all
processes of a machine share. LEDGER is a file in which every thread records each claim
before it books and each sending before it sends, as the real ledger does. It seeds a limiter that lost its slots.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from threading import Thread, get_ident

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harkara.limits import Allowance, Slot, SlotRequest, with_margin
from harkara.limits.limiter import HORIZON, LATE_SHARE, Limiter

PROCESSES, THREADS = 8, 4
PROBE_SECONDS = 0.05
"""How often each process looks whether the machine wakes a thread in time."""
CLAIMED, SENT, RELEASED = "CSR"
LANE = "default"


class FileLedger:
    """Lines of `thread event moment`, each appended by one write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def record(self, event: str) -> float:
        now = time.monotonic()
        os.write(self._file, f"{os.getpid()}-{get_ident()} {event} {now:.6f}\n".encode())
        return now

    def seed(self, lane: str, booking: int) -> list[float]:
        now = time.monotonic()
        lines = [line.split() for line in self._path.read_text().splitlines()]
        last = {thread: event for thread, event, _ in lines}
        others = sum(event == CLAIMED for event in last.values()) - booking
        return [now - float(at) for _, event, at in lines if event == SENT] + [-HORIZON] * others


@dataclass
class SenderProcess:
    """What the threads of one process share."""

    url: str
    allowance: Allowance
    path: Path
    start: float
    seconds: float
    sent: list[float] = field(default_factory=list)
    missed: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    def __call__(self) -> tuple[list[float], list[float], list[float]]:
        threads = [Thread(target=self.probe), *(Thread(target=self.run) for _ in range(THREADS))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.sent, self.missed, self.late

    def probe(self) -> None:
        """Wake at moments that no limiter chose, and note those for which it is too late to send."""
        late = LATE_SHARE * (with_margin(self.allowance.window) - self.allowance.window)
        for turn in range(int(self.seconds / PROBE_SECONDS)):
            moment = self.start + turn * PROBE_SECONDS
            sleep_until(moment)
            if time.monotonic() > moment + late:
                self.late.append(moment)

    def run(self) -> None:
        ledger = FileLedger(self.path)
        limiter = Limiter(redis.Redis.from_url(self.url, socket_timeout=5, retry=Retry(NoBackoff(), 0)), ledger.seed)
        limiter.capacity({LANE: self.allowance})  # opens the connection before the start
        sleep_until(self.start)
        while time.monotonic() < self.start + self.seconds:
            ledger.record(CLAIMED)
            if not self.send(limiter, ledger):
                ledger.record(RELEASED)

    def send(self, limiter: Limiter, ledger: FileLedger) -> bool:
        slot = limiter.book(LANE, self.allowance, [SlotRequest(None, urgent=True)])[0]
        if not isinstance(slot, Slot):
            time.sleep(slot.seconds or 0.0)
            return False
        sleep_until(slot.at)
        if slot.missed():
            self.missed.append(slot.at)
            return False
        self.sent.append(ledger.record(SENT))
        return True


def sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def main(url: str, spelling: str, seconds: str, path: str) -> None:
    allowance = Allowance.parse(spelling)
    assert allowance
    start = time.monotonic() + 1.0
    process = SenderProcess(url, allowance, Path(path), start, float(seconds))
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as processes:
        results = [processes.submit(process) for _ in range(PROCESSES)]
        sleep_until(start)
        print("go", flush=True)
        for which in (0, 1, 2):
            print(*(moment for each in results for moment in each.result()[which]))


if __name__ == "__main__":
    main(*sys.argv[1:])
