"""What processes use: CPU seconds and memory from /proc, and commands from Redis' own statistics."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

import redis

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PARENT, _CPU, _RESIDENT = 1, slice(11, 15), 21
"""Fields of /proc/PID/stat after the name; proc(5) counts from 1, and the name is the second field."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of some processes and their descendants: CPU `seconds` until `at` (since the epoch), resident memory."""

    at: float
    seconds: float
    megabytes: float

    @classmethod
    def now(cls, roots: Iterable[int]) -> Self:
        fields = {int(path.name): found for path in Path("/proc").glob("[0-9]*") if (found := _stat(path))}
        family = set(roots) & fields.keys()
        while more := {pid for pid, stat in fields.items() if int(stat[_PARENT]) in family} - family:
            family |= more
        ticks = sum(int(ticks) for pid in family for ticks in fields[pid][_CPU])
        pages = sum(int(fields[pid][_RESIDENT]) for pid in family)
        return cls(time.time(), ticks / _TICKS, pages * _PAGE / 1e6)


class UsageSampler:
    """Samples processes ten times a second while it is open, so that any interval can be computed afterwards."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = list(roots)
        self._samples = [Usage.now(self._roots)]
        self._closed = Event()
        self._thread = Thread(target=self._run, name="usage", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._closed.set()
        self._thread.join()

    def seconds(self, start: float, end: float) -> float:
        """Return the CPU seconds between two times since the epoch."""
        return self._seconds_until(end) - self._seconds_until(start)

    @property
    def megabytes(self) -> float:
        """The maximum memory of all processes together."""
        return max(usage.megabytes for usage in self._samples)

    def _seconds_until(self, moment: float) -> float:
        """Interpolate between two samples."""
        before = max((u for u in self._samples if u.at <= moment), key=lambda u: u.at, default=self._samples[0])
        after = min((u for u in self._samples if u.at > moment), key=lambda u: u.at, default=self._samples[-1])
        part = (moment - before.at) / (after.at - before.at) if after.at > before.at else 0.0
        return before.seconds + (after.seconds - before.seconds) * min(part, 1.0)

    def _run(self) -> None:
        while not self._closed.wait(0.1):
            self._samples.append(Usage.now(self._roots))
        self._samples.append(Usage.now(self._roots))


class CommandCounter:
    """Counts the commands that clients have sent to a Redis server since this object was created."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)
        self._before = self._total()

    def count(self) -> int:
        return self._total() - self._before

    def _total(self) -> int:
        """Return the server's count without the commands that only the limiter's script runs, and without INFO."""
        stats = self._redis.info("commandstats")
        assert isinstance(stats, dict)
        excluded = {f"cmdstat_{name}" for name in ("time", "hmget", "pexpire", "get", "set", "info", "client|setinfo")}
        return sum(int(counts["calls"]) for name, counts in stats.items() if name not in excluded)


def _stat(process: Path) -> list[str] | None:
    """Return the fields of a process, or None when it has just ended."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
