"""What processes cost: CPU seconds and memory from /proc, commands from Redis' own count."""

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
"""Fields of /proc/PID/stat behind the name: proc(5) counts them from 1, and the name is the second."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of some processes and all that they started: CPU `seconds` until `at` (since the epoch), resident `megabytes`."""

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


class Watch:
    """Looks at processes ten times a second while it is open, so that any span of it can be asked for afterwards."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = list(roots)
        self._seen = [Usage.now(self._roots)]
        self._closed = Event()
        self._thread = Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._closed.set()
        self._thread.join()

    def seconds(self, start: float, end: float) -> float:
        """CPU seconds between two moments since the epoch."""
        return self._until(end) - self._until(start)

    @property
    def megabytes(self) -> float:
        """The most that they held together."""
        return max(usage.megabytes for usage in self._seen)

    def _until(self, moment: float) -> float:
        """Between two looks, what it was by proportion."""
        before = max((u for u in self._seen if u.at <= moment), key=lambda u: u.at, default=self._seen[0])
        after = min((u for u in self._seen if u.at > moment), key=lambda u: u.at, default=self._seen[-1])
        part = (moment - before.at) / (after.at - before.at) if after.at > before.at else 0.0
        return before.seconds + (after.seconds - before.seconds) * min(part, 1.0)

    def _look(self) -> None:
        while not self._closed.wait(0.1):
            self._seen.append(Usage.now(self._roots))
        self._seen.append(Usage.now(self._roots))


class Commands:
    """Counts the commands that clients sent to a server of Redis since this was made."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)
        self._before = self._sent()

    def since(self) -> int:
        return self._sent() - self._before

    def _sent(self) -> int:
        """The server counts those of scripts, too: what only the limiter's script runs is left out, and this count."""
        stats = self._redis.info("commandstats")
        assert isinstance(stats, dict)
        left_out = {f"cmdstat_{name}" for name in ("time", "hmget", "pexpire", "get", "set", "info", "client|setinfo")}
        return sum(int(counts["calls"]) for name, counts in stats.items() if name not in left_out)


def _stat(process: Path) -> list[str] | None:
    """None when it has just ended."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
