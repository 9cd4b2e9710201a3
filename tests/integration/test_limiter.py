"""The limiter against a real Valkey: exact under eight processes, fair to the urgent, right after Redis forgot everything."""

from __future__ import annotations

import bisect
import multiprocessing
import os
import subprocess
import sys
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.backoff import NoBackoff
from redis.retry import Retry

from harkara.errors import Invalid, Unavailable
from harkara.limits import HORIZON, Allowance, Ask, Limiter, Slot
from harkara.outcomes import Wait
from tests.services import Server, valkey

URGENT = Ask(None, urgent=True)
MARKETING = Ask(None, urgent=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with valkey() as running:
        yield running


@pytest.fixture
def connection(server: Server) -> Iterator[redis.Redis]:
    client = connect(server.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def limiter(connection: redis.Redis) -> Limiter:
    return Limiter(connection, nothing_known)


def connect(url: str, timeout: float = 1.0) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
    )


def nothing_known(lane: str, mine: int) -> list[float]:
    return []


def allowed(text: str, **more: float) -> Allowance:
    allowance = Allowance.parse(text, **more)  # type: ignore[arg-type]  # burst is a whole number in every call here
    assert allowance
    return allowance


def delays(booked: list[Slot | Wait]) -> list[float]:
    """Seconds from now to each slot; fails when one was refused."""
    now = time.monotonic()
    return [slot.at - now for slot in booked if isinstance(slot, Slot) or pytest.fail(str(slot))]


def fullest(moments: list[float], window: float) -> int:
    """The most that any window holds."""
    moments = sorted(moments)
    return max(bisect.bisect_left(moments, at + window) - place for place, at in enumerate(moments))


def hammer(server: Server, spelling: str, seconds: float, ledger: Path, disturb=lambda: None) -> list[float]:
    command = [sys.executable, "-m", "tests.integration.hammer", server.url, spelling, str(seconds), "4", str(ledger)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    start = time.monotonic() + 0.2
    Limiter(connect(server.url), nothing_known).room({"hammered": allowed(spelling)})
    for process in processes:
        process.stdin.write(f"{start}\n")
        process.stdin.flush()
    disturb()
    outs= [process.communicate(timeout=seconds + 30)[0].split() for process in processes]
    return sorted(float(moment) for o in outs for moment in o)

def used(sent, rate, seconds):
    counted = [at for at in sent if at < sent[0] + seconds]
    print(len(counted), rate*seconds)
    return len(counted) / (rate * seconds)


def test_eight_processes_never_overfill_a_window_and_waste_little(tmp_path) -> None:
    with valkey() as server:
        sent = hammer(server, "20/2s", 8, tmp_path/"l")
    assert fullest(sent, 2.0) <= 20
    assert used(sent, rate=10, seconds=8) >= 0.97

def test_eight_processes_never_overfill_a_window_and_waste_little_80(tmp_path) -> None:
    with valkey() as server:
        sent = hammer(server, "80/1s", 8, tmp_path/"l")
    print((tmp_path/"l").read_text().count("B"))
    assert fullest(sent, 1.0) <= 80
    assert used(sent, rate=80, seconds=8) >= 0.97

def test_flush(tmp_path) -> None:
    with valkey() as server:
        sent = hammer(server, "20/2s", 12, tmp_path/"l", lambda: (time.sleep(5), redis.Redis.from_url(server.url).flushall()))
    print([round(s-sent[0],2) for s in sent])
    assert fullest(sent, 2.0) <= 20
    assert used(sent, rate=10, seconds=12) >= 0.97
