"""The guard of short windows: it follows the round trip to the server that counts the requests."""

from __future__ import annotations

from functools import partial

import pytest
import redis

from harkara.limits import Allowance, with_margin
from harkara.limits.allowance import MAX_GUARD
from harkara.limits.limiter import LATE_SHARE, REFUSED_SECONDS, Limiter, guard_for
from harness.waiting import wait_until
from tests.integration.limits.booking import URGENT, granted, no_seed

ALLOWANCE = Allowance(80, 1.0, burst=1)
NEAR, FAR = 0.0002, 0.05
"""Round trips in seconds."""


def test_the_guard_covers_a_late_thread_and_a_round_trip() -> None:
    assert [guard_for(seconds) for seconds in (0.0, 0.005, FAR)] == pytest.approx([0.01, 0.014, MAX_GUARD])
    assert guard_for(None) == MAX_GUARD
    assert guard_for(0.0) > LATE_SHARE * (with_margin(1.0) - 1.0), "a thread may be as late as with the largest guard"


def test_a_near_server_gets_one_percent_more(connection: redis.Redis) -> None:
    near = seeded(connection, NEAR)
    assert sum(near.capacity({"a": ALLOWANCE})["a"]) > sum(Limiter(connection, no_seed).capacity({"a": ALLOWANCE})["a"])
    assert window_of(near, ALLOWANCE) == pytest.approx(1.01, abs=1e-4)


def test_slots_of_the_ledger_have_the_largest_guard(connection: redis.Redis) -> None:
    """Which workers sent in them is not known."""
    near = Limiter(connection, no_seed, round_trip=lambda: NEAR)
    assert window_of(near, ALLOWANCE) == pytest.approx(1.02, abs=1e-4)
    assert MAX_GUARD in guards_in_redis(connection)


def test_a_window_of_a_minute_has_its_one_percent(connection: redis.Redis) -> None:
    near = seeded(connection, NEAR)
    assert window_of(near, Allowance(1200, 60.0, burst=1)) == pytest.approx(60.6, abs=1e-2)


def test_the_largest_guard_holds_for_all_until_its_slots_no_longer_count(connection: redis.Redis) -> None:
    near = Limiter(connection, no_seed, horizon=0.1, round_trip=lambda: NEAR)
    far = Limiter(connection, no_seed, horizon=0.1, round_trip=lambda: FAR)
    allowance = Allowance(20, 0.1, burst=1)
    granted(far.book("a", allowance, [URGENT]))
    [(guard, seconds)] = guards_in_redis(connection).items()
    assert guard == pytest.approx(MAX_GUARD)
    assert 0 < seconds <= 0.1 + 2 * 0.1
    wait_until(lambda: window_of(near, allowance) == pytest.approx(0.11, abs=1e-4), 30, "the guard of the far one ends")


def test_a_larger_guard_hides_no_other_one(connection: redis.Redis) -> None:
    seeded(connection, NEAR)
    for seconds in (FAR, 0.005, NEAR):
        granted(Limiter(connection, no_seed, round_trip=partial(float, seconds)).book("a", ALLOWANCE, [URGENT]))
    assert sorted(guards_in_redis(connection)) == pytest.approx([0.01, 0.014, MAX_GUARD], abs=2e-6)


def test_the_far_one_keeps_its_guard_while_it_books(connection: redis.Redis) -> None:
    near = Limiter(connection, no_seed, round_trip=lambda: NEAR)
    far = Limiter(connection, no_seed, round_trip=lambda: FAR)
    for _ in range(3):
        granted(far.book("a", ALLOWANCE, [URGENT]))
        assert window_of(near, ALLOWANCE) == pytest.approx(1.02, abs=1e-4)


def test_after_a_429_the_guard_is_the_largest_for_an_hour(connection: redis.Redis) -> None:
    near = Limiter(connection, no_seed, round_trip=lambda: NEAR)
    near.slow("a", 0.0)
    granted(near.book("a", ALLOWANCE, [URGENT]))
    seconds = guards_in_redis(connection)[MAX_GUARD]
    assert REFUSED_SECONDS - 60 < seconds <= REFUSED_SECONDS


def seeded(client: redis.Redis, round_trip: float) -> Limiter:
    """Return a limiter with this round trip, whose lane a was seeded so long ago that no guard of then holds."""
    limiter = Limiter(client, no_seed, round_trip=lambda: round_trip)
    limiter.capacity({"a": ALLOWANCE})
    client.hdel("harkara:slots:a", "guards")
    return limiter


def window_of(limiter: Limiter, allowance: Allowance) -> float:
    """Return the seconds of the window at whose pace two messages in a row are booked."""
    first, second = granted(limiter.book("a", allowance, [URGENT] * 2))
    return (second.place - first.place) / 1e6 * allowance.count


def guards_in_redis(client: redis.Redis) -> dict[float, float]:
    """Return the guards of lane a, each with the time for which it holds, in seconds."""
    script = """
    local time, found = redis.call('TIME'), {}
    for length, till in pairs(cmsgpack.unpack(redis.call('HGET', KEYS[1], 'guards'))) do
        found[#found + 1] = { tonumber(length), till - time[1] * 1000000 - time[2] }
    end
    return found
    """
    return {length / 1e6: rest / 1e6 for length, rest in client.eval(script, 1, "harkara:slots:a")}
