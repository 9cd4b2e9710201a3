"""The allowance of a lane: exact across processes, and nearly all of it is used."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from harkara.limits import Allowance, Slot, SlotRequest, with_margin
from harkara.limits.limiter import Limiter
from harness.valkey import ValkeyServer
from tests.integration.limits.booking import (
    MARKETING,
    URGENT,
    connect,
    fullest_window,
    granted,
    no_seed,
    stored_slots,
)
from tests.integration.limits.senders import PROBE_SECONDS, PROCESSES

PROBES_PER_SECOND = PROCESSES / PROBE_SECONDS


@pytest.mark.parametrize(("allowance", "rate"), [(Allowance(20, 2.0), 10), (Allowance(80, 1.0), 80)], ids=str)
def test_eight_processes_exceed_no_window_and_use_nearly_all_of_the_allowance(
    valkey_server: ValkeyServer, connection: redis.Redis, tmp_path: Path, allowance: Allowance, rate: int
) -> None:
    sent, missed, late = send_from_eight_processes(valkey_server, allowance, 9, tmp_path / "ledger")
    assert fullest_window(sent, allowance.window) <= allowance.count
    first = sent[0] + 2.5  # the burst at the start is borrowed from the first window
    used, slept, host = (sum(first <= at < first + 6 for at in moments) / 6 for moments in (sent, missed, late))
    # A busy host wakes threads late; the slots that they miss are not the limiter's fault.
    assert used + slept >= 0.97 * rate
    assert used >= (0.9 - host / PROBES_PER_SECOND) * rate


def test_the_limit_holds_when_redis_loses_its_data(
    valkey_server: ValkeyServer, connection: redis.Redis, tmp_path: Path
) -> None:
    def lose_data() -> None:
        time.sleep(3)
        connection.flushall()

    sent, _, _ = send_from_eight_processes(valkey_server, Allowance(20, 2.0), 9, tmp_path / "ledger", lose_data)
    assert fullest_window(sent, 2.0) <= 20
    assert sent[-1] - sent[0] > 7, "sending continues afterwards"


def test_after_an_idle_time_a_burst_goes_at_once_and_then_the_pace_is_even(limiter: Limiter) -> None:
    moments = [slot.at for slot in granted(limiter.book("a", Allowance(40, 4.0, burst=5), [URGENT] * 20))]
    steps = [later - earlier for earlier, later in pairwise(moments)]
    assert steps[:4] == pytest.approx([0] * 4, abs=1e-5)
    assert steps[4:] == pytest.approx([with_margin(4.0) / 40] * 15, abs=1e-5)


def test_no_burst_returns_with_every_window(limiter: Limiter) -> None:
    allowance = Allowance(10, 0.5, burst=4)
    moments = [slot.at for slot in granted(limiter.book("a", allowance, [URGENT] * 30))]
    steps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(steps[3:]) == pytest.approx(with_margin(0.5) / 10, abs=1e-5)
    assert fullest_window(moments, allowance.window) == allowance.count


def test_two_messages_respect_the_gap_also_within_a_burst(limiter: Limiter) -> None:
    allowance = Allowance(100, 10.0, burst=5, gap=0.3)
    moments = [slot.at for slot in granted(limiter.book("a", allowance, [URGENT, MARKETING] * 3))]
    assert min(b - a for a, b in pairwise(sorted(moments))) >= 0.3


@settings(max_examples=60)
@given(
    allowance=st.builds(
        Allowance,
        count=st.integers(1, 6),
        window=st.sampled_from([0.05, 0.1, 1.0]),
        burst=st.integers(1, 6),
        gap=st.sampled_from([0.0, 0.01]),
        reserve=st.sampled_from([0.0, 0.1, 0.5]),
    ),
    calls=st.lists(
        st.tuples(
            st.lists(
                st.builds(SlotRequest, pair=st.none(), urgent=st.booleans(), weight=st.integers(1, 3)), max_size=6
            ),
            st.sampled_from([0.0, 0.003, 0.04]),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_no_window_of_the_server_exceeds_the_allowance_for_any_requests(
    valkey_server: ValkeyServer, allowance: Allowance, calls: list[tuple[list[SlotRequest], float]]
) -> None:
    booked_slots: Counter[int] = Counter()
    marketing_slots: set[int] = set()
    with connect(valkey_server.url) as client:
        client.flushall()
        limiter = Limiter(client, no_seed)
        for requests, pause in calls:
            for request in requests:
                [booked] = limiter.book("a", allowance, [request])
                log = Counter(stored_slots(client, "a"))
                new = log - booked_slots
                if request.weight == 1:
                    assert sum(new.values()) == isinstance(booked, Slot)
                booked_slots |= log
                marketing_slots |= set() if request.urgent else set(new)
            time.sleep(pause)
    assert_within(sorted(booked_slots.elements()), marketing_slots, allowance)


def assert_within(booked_slots: Sequence[int], marketing_slots: set[int], allowance: Allowance) -> None:
    """Check every window that begins with a slot; the slots are microseconds of the server's clock."""
    window = round(with_margin(allowance.window) * 1e6)
    for start in booked_slots:
        held = [at for at in booked_slots if start <= at < start + window]
        assert len(held) <= allowance.count
        assert len(marketing_slots & set(held)) <= allowance.count - allowance.reserved
    distinct = sorted(set(booked_slots))
    assert all(later - earlier >= allowance.gap * 1e6 for earlier, later in pairwise(distinct))


def send_from_eight_processes(
    server: ValkeyServer,
    allowance: Allowance,
    seconds: float,
    ledger: Path,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[list[float], list[float], list[float]]:
    """Return when 32 threads sent, the slots that they missed, and when the host woke a thread as late by itself."""
    arguments = [server.url, str(allowance), str(seconds), str(ledger)]
    command = [sys.executable, "-m", "tests.integration.limits.senders", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "go\n"
        meanwhile()
        sent, missed, late = (sorted(map(float, line.split())) for line in process.communicate()[0].splitlines())
    return sent, missed, late
