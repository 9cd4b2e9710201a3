"""The client's side of the stand-in: starts its process, and reads what it received."""

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
"""Seconds until Chat Mitra responds."""


@dataclass(frozen=True, slots=True)
class Post:
    """One POST that the stand-in received; `at` is in seconds since the epoch."""

    at: float
    status: int
    to: str


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running stand-in."""

    root: str

    @property
    def url(self) -> str:
        return f"{self.root}/developer/api/send_message"

    def count_posts(self) -> int:
        return int(self._get("seen")["posts"])

    def posts(self) -> list[Post]:
        """Return all POSTs in the order of arrival."""
        return [Post(at / 1e9, status, to) for at, status, to in self._get("log")["posts"]]

    def arrivals(self) -> dict[str, float]:
        """Return the time of the first POST to each recipient."""
        return {post.to: post.at for post in reversed(self.posts())}

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.root}/{path}", timeout=30) as response:
            found: dict[str, Any] = json.load(response)
        return found


@contextmanager
def stand_in(limit: str = "none", latency: float = LATENCY) -> Iterator[StandIn]:
    """Run a stand-in that accepts up to `limit` ("80/1s", in any sliding window) and responds after `latency` s."""
    command = [sys.executable, "-m", "benchmarks.stand_in_server", "--latency", str(latency), "--limit", limit]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield StandIn(f"http://127.0.0.1:{process.stdout.readline().strip()}")
        finally:
            process.kill()
