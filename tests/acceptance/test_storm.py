"""One-time codes among other messages while everything fails in turn: none is lost, none is sent twice unflagged."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import pytest

from harkara import Category
from harkara.redis_client import connect
from harness.postgres import PostgresServer
from harness.process import Process
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import LEASE, Deployment, deployment
from tests.acceptance.messages import new_messages

THREADS = 8
MIX: tuple[Category, ...] = ("authentication", "authentication", "authentication", "utility", "reply")
"""Codes are sent once more after a lost answer, so they are the messages that could go twice."""

Fault = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Storm:
    """How many messages, and how often each fault."""

    messages: int
    kills: int
    freezes: int
    flushes: int
    restarts: int

    @property
    def most_uncertain(self) -> int:
        """The messages that can be between POST and record at the time of the faults that interrupt them."""
        return THREADS * (self.kills + self.freezes + self.restarts)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    "storm",
    [
        pytest.param(Storm(300, kills=2, freezes=1, flushes=1, restarts=1), id="short"),
        pytest.param(
            Storm(3200, kills=5, freezes=1, flushes=3, restarts=3),
            id="long",
            marks=[pytest.mark.soak, pytest.mark.timeout(900)],
        ),
    ],
)
def test_a_storm_loses_no_code_and_sends_none_twice_unflagged(
    storm: Storm, tmp_path: Path, redis_server: ValkeyServer, database_url: str, postgres_server: PostgresServer
) -> None:
    envelopes = new_messages(storm.messages, MIX)
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.set_faults(latency_ms=100)
        workers = harkara.start_workers(2)
        harkara.accept(envelopes)
        faults = in_turn(storm, harkara, workers, postgres_server)
        for number, fault in enumerate(faults, start=1):
            wait_sent(harkara, workers, number * storm.messages // (len(faults) + 2))
            fault()
        states = harkara.wait_supervised(storm.messages, workers)
        assert set(states) <= {"accepted", "uncertain"}
        verdict = harkara.examine(envelopes)
        verdict.assert_kept(uncertain=storm.most_uncertain)
        assert len(verdict.results) == storm.messages


def in_turn(storm: Storm, harkara: Deployment, workers: list[Process], database: PostgresServer) -> list[Fault]:
    """Return the faults of the storm, so that one kind follows another."""

    def kill() -> None:
        workers[0].kill()
        workers.reverse()

    def freeze() -> None:
        """Suspend a worker until another has claimed its messages, then let it continue."""
        frozen = workers[-1]
        frozen.suspend()
        time.sleep(LEASE + 1)
        frozen.resume()

    def flush() -> None:
        connect(harkara.valkey.url, seconds=30).flushall()

    def restart() -> None:
        database.kill()
        database.start()

    kinds = ([kill] * storm.kills, [freeze] * storm.freezes, [flush] * storm.flushes, [restart] * storm.restarts)
    return [fault for fault in chain.from_iterable(zip_longest(*kinds)) if fault]


def wait_sent(harkara: Deployment, workers: list[Process], number: int) -> None:
    def is_sent() -> bool:
        harkara.replace_dead(workers)
        return bool(harkara.sandbox.counts()["accepted"] >= number)

    harkara.wait_until(is_sent, f"{number} are accepted")
