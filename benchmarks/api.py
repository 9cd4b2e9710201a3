"""The stand-in from outside: started as a process of its own, and asked what it saw."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.process import ROOT

LATENCY = 0.05
"""Seconds that Chat Mitra takes to answer."""


@dataclass(frozen=True, slots=True)
class Post:
    """One POST as the stand-in saw it; `at` is seconds since the epoch."""

    at: float
    status: int
    to: str


@dataclass(frozen=True, slots=True)
class Api:
    """Where to POST to, and what has come."""

    root: str

    @property
    def url(self) -> str:
        return f"{self.root}/developer/api/send_message"

    def seen(self) -> int:
        """How many POSTs came."""
        return int(self._ask("seen")["posts"])

    def posts(self) -> list[Post]:
        """All of them, in the order in which they came."""
        return [Post(at / 1e9, status, to) for at, status, to in self._ask("log")["posts"]]

    def arrivals(self) -> dict[str, float]:
        """When the first message to each recipient came."""
        return {post.to: post.at for post in reversed(self.posts())}

    def cpu_seconds(self) -> float:
        return float(self._ask("log")["cpu_seconds"])

    def _ask(self, what: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.root}/{what}", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def stand_in(limit: str = "none", latency: float = LATENCY) -> Iterator[Api]:
    """Takes as many as `limit` says ("80/1s", in any sliding window) and answers them after `latency` seconds."""
    command = [sys.executable, "-m", "benchmarks.standin", "--latency", str(latency), "--limit", limit]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Api(f"http://127.0.0.1:{process.stdout.readline().strip()}")
        finally:
            process.kill()
