"""A Redis that loses its data, a 429, and a Redis that does not answer."""

from __future__ import annotations

import socket
import time
from itertools import pairwise

import pytest
import redis

from harkara.errors import Unavailable
from harkara.limits import Allowance, Slot, SlotRequest, with_margin
from harkara.limits.limiter import LaneRequests, Limiter
from harkara.limits.script import BATCH
from harkara.outcomes import Wait
from harness.ports import free_port
from harness.valkey import valkey
from tests.integration.limits.booking import (
    URGENT,
    connect,
    granted,
    no_seed,
)


def test_an_unknown_lane_is_seeded_from_the_ledger(connection: redis.Redis) -> None:
    seeded: list[tuple[str, int]] = []

    def ledger(lane: str, booking: int) -> list[float]:
        seeded.append((lane, booking))
        return [0.1] * 4 + [0.5]

    allowance = Allowance(5, 1.0)
    began = time.monotonic()
    [first] = granted(Limiter(connection, ledger).book("a", allowance, [SlotRequest(None, True, 1)]))
    wait = with_margin(1.0) - 0.5
    assert began + wait - 0.05 <= first.at <= time.monotonic() + wait + 0.05
    Limiter(connection, ledger).book("a", allowance, [URGENT])
    assert seeded == [("a", 1)], "later limiters find the slots in Redis"


def test_no_slot_is_booked_before_a_message_that_may_still_go_out(connection: redis.Redis) -> None:
    limiter = Limiter(connection, lambda lane, booking: [-1.0])
    began = time.monotonic()
    [slot] = granted(limiter.book("a", Allowance(80, 1.0), [URGENT]))
    assert slot.at >= began + 0.9


def test_slots_from_an_old_snapshot_are_not_trusted() -> None:
    seeded: list[str] = []

    def ledger(lane: str, booking: int) -> list[float]:
        seeded.append(lane)
        return []

    with valkey() as server, connect(server.url) as client:
        limiter = Limiter(client, ledger)
        limiter.book("a", Allowance(20, 60.0), [URGENT])
        client.save()
        server.kill()
        server.start()
        assert client.exists("harkara:slots:a") == 1
        limiter.book("a", Allowance(20, 60.0), [URGENT])
    assert seeded == ["a", "a"]


def test_slots_from_before_the_clock_was_set_back_are_not_trusted(connection: redis.Redis) -> None:
    ages = iter([[-3600.0], []])
    limiter = Limiter(connection, lambda lane, booking: next(ages))
    assert isinstance(limiter.book("a", Allowance(20, 60.0), [URGENT])[0], Wait)
    granted(limiter.book("a", Allowance(20, 60.0), [URGENT]))


def test_a_window_that_is_longer_since_a_reload_is_seeded_from_the_ledger(connection: redis.Redis) -> None:
    """Of the slots that the longer window contains, Redis has those of the shorter one alone."""
    ages = iter([[], [10.0, 20.0, 30.0]])
    limiter = Limiter(connection, lambda lane, booking: next(ages))
    shorter, longer = Allowance(3, 0.01), Allowance(3, 3600.0)
    granted(limiter.book("a", shorter, [URGENT]))
    assert limiter.capacity({"a": longer}) == {"a": (0, 0)}
    assert isinstance(limiter.book("a", longer, [URGENT])[0], Wait)
    granted(limiter.book("a", shorter, [URGENT]))


def test_the_burst_of_a_slower_allowance_delays_nothing_after_a_reload(limiter: Limiter) -> None:
    granted(limiter.book("a", Allowance(50, 86_400.0), [URGENT] * 5))
    assert limiter.capacity({"a": Allowance(50, 1.0)})["a"][0] > 1
    granted(limiter.book("a", Allowance(50, 1.0), [URGENT]))


def test_a_lane_that_had_no_limit_for_a_time_is_seeded_from_the_ledger(connection: redis.Redis) -> None:
    ages = iter([[], [10.0, 20.0, 30.0]])
    limiter, allowance = Limiter(connection, lambda lane, booking: next(ages)), Allowance(3, 60.0)
    granted(limiter.book("a", allowance, [URGENT]))
    granted(limiter.book("a", None, [SlotRequest("digest", urgent=True)] * 3))
    assert isinstance(limiter.book("a", allowance, [URGENT])[0], Wait)


def test_a_script_that_redis_lost_is_loaded_again(limiter: Limiter, connection: redis.Redis) -> None:
    granted(limiter.book("a", Allowance(20, 60.0), [URGENT]))
    connection.script_flush()
    granted(limiter.book("a", Allowance(20, 60.0), [URGENT]))


def test_after_a_429_the_lane_is_held_and_then_has_half_the_pace(limiter: Limiter, connection: redis.Redis) -> None:
    allowance = Allowance(20, 1.0, burst=5)
    began = ended = 0.0
    while not began or ended - began > 0.4:  # a busy machine may take longer than the hold
        connection.flushall()
        granted(limiter.book("a", allowance, [URGENT]))
        began = time.monotonic()
        limiter.slow("a", 0.5)
        limiter.slow("a", 0.5)
        moments = [slot.at for slot in granted(limiter.book("a", allowance, [URGENT] * 5))]
        ended = time.monotonic()
    assert began + 0.45 <= moments[0] <= ended + 0.55
    steps = [later - earlier for earlier, later in pairwise(moments)]
    assert steps == pytest.approx([2 * with_margin(1.0) / 20] * 4, abs=1e-5), (
        "two answers of the same hold halve the pace once"
    )


def test_the_pace_returns_over_five_windows(limiter: Limiter) -> None:
    allowance = Allowance(10, 0.2, burst=1)
    granted(limiter.book("a", allowance, [URGENT]))

    def pace(seconds: float) -> float:
        return min(1.0, 0.5 + 0.5 * seconds / (5 * 0.2))

    before = time.monotonic()
    limiter.slow("a", 0.0)
    after = time.monotonic()
    for _ in range(3):
        began = time.monotonic()
        first, second = granted(limiter.book("a", allowance, [URGENT] * 2))
        seen = with_margin(0.2) / 10 / (second.at - first.at)
        assert pace(began - after) - 0.07 <= seen <= pace(time.monotonic() - before) + 0.07
        time.sleep(0.6)


def test_a_chunk_costs_one_command(limiter: Limiter, connection: redis.Redis) -> None:
    chunk = [SlotRequest(f"digest-{n}", urgent=True) for n in range(50)]
    limiter.book("a", Allowance(80, 1.0), chunk)
    before = count_commands(connection)
    for _ in range(10):
        limiter.book("a", Allowance(80, 1.0), chunk)
    assert count_commands(connection) - before == 10


def test_a_chunk_of_many_lanes_costs_one_command(limiter: Limiter, connection: redis.Redis) -> None:
    requests = [SlotRequest("digest", urgent=True), URGENT]
    wanted = [LaneRequests(f"lane-{n}", Allowance(20, 60.0, burst=1), requests) for n in range(BATCH)]
    outcomes = [[type(slot) for slot in slots] for slots in limiter.book_each(wanted)]
    assert outcomes == [[Slot, Wait]] * BATCH, "each lane has its own slots"
    before = count_commands(connection)
    unlimited, *again, nothing = limiter.book_each(
        [LaneRequests("unlimited", None, [URGENT] * 2), *wanted, LaneRequests("lane-0", None, [])]
    )
    assert count_commands(connection) - before == 1
    assert len(granted(unlimited)) == 2
    assert [[type(slot) for slot in slots] for slots in again] == [[Wait, Wait]] * BATCH
    assert nothing == []


def test_only_the_unknown_lanes_of_a_chunk_are_seeded(connection: redis.Redis) -> None:
    ages = {"a": 0.25, "b": 0.5}
    seeded: list[tuple[str, int]] = []

    def ledger(lane: str, booking: int) -> list[float]:
        seeded.append((lane, booking))
        return [ages[lane]]

    limiter, allowance = Limiter(connection, ledger), Allowance(1, 1.0)
    [booked] = granted(limiter.book("a", allowance, [URGENT]))
    wanted = [LaneRequests(lane, allowance, [URGENT]) for lane in ("a", "b")]
    [[second], [first]] = limiter.book_each(wanted)
    assert seeded == [("a", 1), ("b", 1)]
    assert isinstance(second, Slot)
    assert isinstance(first, Slot)
    # By the server's clock: by that of this process, a slot is later by the time that its answer took.
    apart = (second.place - booked.place) / 1e6
    assert apart >= with_margin(1.0) - 1e-5, "the slot of a follows the one that it has just booked"


def test_without_limit_and_pair_redis_is_not_called() -> None:
    limiter = Limiter(connect(f"redis://127.0.0.1:{free_port()}"), no_seed)
    [slot] = granted(limiter.book("a", None, [URGENT]))
    assert slot.at <= time.monotonic()
    assert not slot.missed()
    assert limiter.book("a", Allowance(20, 60.0), []) == []
    assert limiter.capacity({}) == {}


def test_every_key_expires(limiter: Limiter, connection: redis.Redis) -> None:
    limiter.book("a", Allowance(20, 60.0), [SlotRequest("digest", urgent=True)])
    limiter.slow("b", 60)
    keys = [str(key, "utf-8") for key in connection.keys() if isinstance(key, bytes)]
    assert sorted(keys) == ["harkara:pair:a:digest", "harkara:slots:a", "harkara:slots:b"]
    assert [0 < connection.ttl(key) <= 86_460 for key in keys] == [True] * 3


def test_a_slot_is_missed_when_its_thread_sleeps_too_long(limiter: Limiter) -> None:
    [slot] = granted(limiter.book("a", Allowance(80, 1.0), [URGENT]))
    time.sleep(0.02)
    assert slot.missed()


def test_without_redis_nothing_is_booked() -> None:
    limiter = Limiter(connect(f"redis://127.0.0.1:{free_port()}"), no_seed)
    assert_unavailable(limiter)


def test_with_a_redis_that_does_not_answer_nothing_is_booked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert_unavailable(Limiter(connect(f"redis://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3), no_seed))


def test_with_a_full_redis_nothing_is_booked() -> None:
    with valkey(maxmemory="1") as server:
        assert_unavailable(Limiter(connect(server.url), no_seed))


def assert_unavailable(limiter: Limiter) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        limiter.book("a", Allowance(20, 60.0), [URGENT])
    with pytest.raises(Unavailable):
        limiter.capacity({"a": Allowance(20, 60.0)})
    with pytest.raises(Unavailable):
        limiter.slow("a", 1)
    assert time.monotonic() - started < 30


def count_commands(client: redis.Redis) -> int:
    """Return the commands that clients have sent, without those inside a script."""
    stats = client.info("commandstats")
    return sum(
        stats.get(f"cmdstat_{name}", {"calls": 0})["calls"]
        for name in ("evalsha", "eval", "script|load", "script|exists")
    )
