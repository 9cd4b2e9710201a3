"""A process whose threads send as fast as the limiter lets them: prints "ready", awaits a start time, prints the moments.

    python -m tests.integration.hammer URL ALLOWANCE SECONDS THREADS LEDGER

Times are CLOCK_MONOTONIC, which all processes of a machine share. LEDGER is a file in which every thread notes each
claim before it books and each sending before it happens, as the real ledger does; it seeds a limiter that lost its memory.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harkara.limits import HORIZON, Allowance, Ask, Limiter, Slot

CLAIMED, SENT, GIVEN_BACK = "CSB"


class Ledger:
    """Lines of `thread what when`, each appended by one write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, thread: str, what: str) -> float:
        now = time.monotonic()
        os.write(self._file, f"{thread} {what} {now:.6f}\n".encode())
        return now

    def seed(self, lane: str, mine: int) -> list[float]:
        now = time.monotonic()
        lines = [line.split() for line in self._path.read_text().splitlines()]
        claimed = sum(what == CLAIMED for what in {thread: what for thread, what, _ in lines}.values())
        return [now - float(at) for _, what, at in lines if what == SENT] + [-HORIZON] * (claimed - mine)


def send_all(limiter: Limiter, allowance: Allowance, ledger: Ledger, until: float, sent: list[float]) -> None:
    me = f"{os.getpid()}-{threading.get_ident()}"
    while time.monotonic() < until:
        ledger.note(me, CLAIMED)
        slot = limiter.book("hammered", allowance, [Ask(None, urgent=True)])[0]
        if isinstance(slot, Slot):
            time.sleep(max(0.0, slot.at - time.monotonic()))
            if not slot.late():
                sent.append(ledger.note(me, SENT))
                continue
        ledger.note(me, GIVEN_BACK)
        if not isinstance(slot, Slot):
            time.sleep(slot.seconds or 0.0)


def main(url: str, spelling: str, seconds: str, threads: str, path: str) -> None:
    ledger = Ledger(Path(path))
    client = redis.Redis.from_url(url, socket_timeout=5, retry=Retry(NoBackoff(), 0))
    allowance = Allowance.parse(spelling)
    assert allowance
    sent: list[float] = []
    print("ready", flush=True)
    start = float(sys.stdin.readline())
    time.sleep(max(0.0, start - time.monotonic()))
    work = (Limiter(client, ledger.seed), allowance, ledger, start + float(seconds), sent)
    running = [threading.Thread(target=send_all, args=work) for _ in range(int(threads))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    print(*sent)


if __name__ == "__main__":
    main(*sys.argv[1:])
