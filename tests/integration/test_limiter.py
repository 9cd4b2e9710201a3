"""The limiter against a real Valkey: exact under eight processes, fair to the urgent, right when Redis forgot all."""

from __future__ import annotations

import bisect
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.backoff import NoBackoff
from redis.retry import Retry

from harkara.errors import Unavailable
from harkara.limits import HORIZON, Allowance, Limiter, Slot, SlotRequest, with_margin
from harkara.outcomes import Wait
from harness.ports import free_port
from harness.valkey import ValkeyServer, valkey

URGENT = SlotRequest(None, urgent=True)
MARKETING = SlotRequest(None, urgent=False)


@pytest.fixture
def connection(valkey_server: ValkeyServer) -> Iterator[redis.Redis]:
    with connect(valkey_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def limiter(connection: redis.Redis) -> Limiter:
    return Limiter(connection, nothing_known)


# Exact, and nearly all of it


@pytest.mark.parametrize(("allowance", "rate"), [(Allowance(20, 2.0), 10), (Allowance(80, 1.0), 80)], ids=str)
def test_eight_processes_overfill_no_window_and_waste_next_to_nothing(
    valkey_server: ValkeyServer, connection: redis.Redis, tmp_path: Path, allowance: Allowance, rate: int
) -> None:
    sent, missed = hammer(valkey_server, allowance, 9, tmp_path / "ledger")
    assert fullest(sent, allowance.window) <= allowance.count
    first = sent[0] + 2.5  # the burst at the start is borrowed from the first window
    used, slept = (sum(first <= at < first + 6 for at in moments) / (rate * 6) for moments in (sent, missed))
    # A host with more to do than it can wakes threads late; what they sleep through is not the limiter's.
    assert used + slept >= 0.97
    assert used >= 0.8


def test_redis_may_forget_everything_in_the_middle(
    valkey_server: ValkeyServer, connection: redis.Redis, tmp_path: Path
) -> None:
    def forget() -> None:
        time.sleep(3)
        connection.flushall()

    sent, _ = hammer(valkey_server, Allowance(20, 2.0), 9, tmp_path / "ledger", forget)
    assert fullest(sent, 2.0) <= 20
    assert sent[-1] - sent[0] > 7, "it goes on afterwards"


def test_after_a_quiet_time_a_burst_goes_at_once_and_then_the_pace_is_even(limiter: Limiter) -> None:
    moments = [slot.at for slot in granted(limiter.book("a", Allowance(40, 4.0, burst=5), [URGENT] * 20))]
    steps = [later - earlier for earlier, later in pairwise(moments)]
    assert steps[:4] == pytest.approx([0] * 4, abs=1e-5)
    assert steps[4:] == pytest.approx([with_margin(4.0) / 40] * 15, abs=1e-5)


def test_no_burst_comes_back_with_every_window(limiter: Limiter) -> None:
    allowance = Allowance(10, 0.5, burst=4)
    moments = [slot.at for slot in granted(limiter.book("a", allowance, [URGENT] * 30))]
    steps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(steps[3:]) == pytest.approx(with_margin(0.5) / 10, abs=1e-5)
    assert fullest(moments, allowance.window) == allowance.count


def test_two_messages_keep_the_gap_also_when_a_burst_would_be_allowed(limiter: Limiter) -> None:
    allowance = Allowance(100, 10.0, burst=5, gap=0.3)
    moments = [slot.at for slot in granted(limiter.book("a", allowance, [URGENT, MARKETING] * 3))]
    assert min(b - a for a, b in pairwise(sorted(moments))) >= 0.3


@settings(max_examples=60, deadline=None)
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
def test_whatever_is_asked_no_window_of_the_server_holds_too_many(
    valkey_server: ValkeyServer, allowance: Allowance, calls: list[tuple[list[SlotRequest], float]]
) -> None:
    taken: Counter[int] = Counter()
    of_marketing: set[int] = set()
    with connect(valkey_server.url) as client:
        client.flushall()
        limiter = Limiter(client, nothing_known)
        for asks, pause in calls:
            for ask in asks:
                [booked] = limiter.book("a", allowance, [ask])
                log = Counter(logged(client, "a"))
                new = log - taken
                if ask.weight == 1:
                    assert sum(new.values()) == isinstance(booked, Slot)
                taken |= log
                of_marketing |= set() if ask.urgent else set(new)
            time.sleep(pause)
    check(sorted(taken.elements()), of_marketing, allowance)


def check(taken: Sequence[int], of_marketing: set[int], allowance: Allowance) -> None:
    """The oracle: microseconds of the server's clock, every window looked at, one after the other."""
    window = round(with_margin(allowance.window) * 1e6)
    for start in taken:
        held = [at for at in taken if start <= at < start + window]
        assert len(held) <= allowance.count
        assert len(of_marketing & set(held)) <= allowance.count - allowance.reserved
    different = sorted(set(taken))
    assert all(later - earlier >= allowance.gap * 1e6 for earlier, later in pairwise(different))


# Who goes first


def test_marketing_leaves_the_reserve_and_an_urgent_message_goes_at_once(limiter: Limiter) -> None:
    allowance = Allowance(20, 60.0)
    assert len([slot for slot in limiter.book("a", allowance, [MARKETING] * 30) if isinstance(slot, Slot)]) == 3
    assert [slot.at <= time.monotonic() for slot in granted(limiter.book("a", allowance, [URGENT] * 2))] == [True, True]


def test_an_urgent_message_passes_the_marketing_that_is_booked_ahead(limiter: Limiter) -> None:
    allowance = Allowance(80, 1.0)
    booked = limiter.book("a", allowance, [MARKETING] * 200)
    last = max(slot.at for slot in booked if isinstance(slot, Slot))
    assert last > time.monotonic() + 1.5
    [urgent] = granted(limiter.book("a", allowance, [URGENT]))
    assert urgent.at < time.monotonic() + 0.05


def test_without_a_reserve_marketing_may_use_everything(limiter: Limiter) -> None:
    allowance = Allowance(10, 0.5, reserve=0.0)
    urgent, marketing = limiter.capacity({"a": allowance})["a"]
    assert urgent == marketing


def test_a_single_message_in_the_window_is_for_marketing_too(limiter: Limiter) -> None:
    granted(limiter.book("a", Allowance(1, 60.0), [MARKETING]))


# Who has to wait


def test_beyond_the_horizon_nothing_is_reserved_and_each_is_told_a_later_time(limiter: Limiter) -> None:
    allowance = Allowance(20, 60.0, burst=1)
    before = limiter.capacity({"a": allowance})
    booked = limiter.book("a", allowance, [URGENT] * 4)
    assert [type(each) for each in booked] == [Slot, Wait, Wait, Wait]
    waits = [each.seconds for each in booked if isinstance(each, Wait)]
    assert waits == pytest.approx([3.03, 6.06, 9.09], abs=0.01)
    assert {each.code for each in booked if isinstance(each, Wait)} == {"lane-limit"}
    assert before == {"a": (1, 1)}
    assert limiter.book("b", allowance, [URGENT])


def test_who_comes_back_after_the_time_he_was_told_gets_a_slot(limiter: Limiter) -> None:
    allowance = Allowance(1, HORIZON + 0.2)
    granted(limiter.book("a", allowance, [URGENT]))
    [refused] = limiter.book("a", allowance, [URGENT])
    assert isinstance(refused, Wait)
    assert refused.seconds
    time.sleep(refused.seconds)
    granted(limiter.book("a", allowance, [URGENT]))


def test_room_is_what_can_then_be_booked(limiter: Limiter) -> None:
    allowance = Allowance(30, 1.0)
    for ask, column in ((URGENT, 0), (MARKETING, 1)):
        lane = f"lane-{column}"
        expected = limiter.capacity({lane: allowance, "other": Allowance(20, 60.0)})
        booked = limiter.book(lane, allowance, [ask] * 200)
        # The lane moved on a little between the two looks.
        assert expected[lane][column] <= sum(isinstance(each, Slot) for each in booked) <= expected[lane][column] + 1
        assert expected["other"] == (5, 3)
        assert limiter.capacity({lane: allowance})[lane][column] <= 1


def test_a_call_with_many_messages_takes_as_many_places_of_the_window(limiter: Limiter) -> None:
    allowance = Allowance(10, 0.9, burst=1)
    first, heavy, after = granted(limiter.book("a", allowance, [URGENT, SlotRequest(None, True, 10), URGENT]))
    assert heavy.at - first.at == pytest.approx(with_margin(0.9), abs=1e-5)
    assert after.at - heavy.at == pytest.approx(with_margin(0.9), abs=1e-5)


HEAVY = SlotRequest(None, urgent=True, weight=4)


def test_a_heavy_call_is_promised_a_place_that_small_ones_do_not_take(limiter: Limiter) -> None:
    allowance = Allowance(4, 3.0, burst=1)
    [first] = granted(limiter.book("a", allowance, [URGENT]))
    [promised] = limiter.book("a", allowance, [HEAVY])
    assert isinstance(promised, Wait)
    assert promised.seconds == pytest.approx(with_margin(3.0) - HORIZON, abs=0.05)
    until = time.monotonic() + (promised.seconds or 0.0)
    while time.monotonic() < until:
        [small] = limiter.book("a", allowance, [URGENT])
        assert isinstance(small, Wait)
        time.sleep(0.05)
    [heavy] = granted(limiter.book("a", allowance, [HEAVY]))
    assert heavy.at - first.at == pytest.approx(with_margin(3.0), abs=0.01)


def test_a_heavy_call_that_comes_late_for_its_place_goes_at_once(limiter: Limiter) -> None:
    allowance = Allowance(4, 2.1, burst=1)
    limiter.book("a", allowance, [URGENT, HEAVY])
    time.sleep(2.3)
    [heavy] = granted(limiter.book("a", allowance, [HEAVY]))
    assert heavy.at - time.monotonic() < 0.05
    [small] = limiter.book("a", allowance, [URGENT])
    assert isinstance(small, Wait), "it took places, though later ones than were promised"


def test_a_weight_beyond_the_allowance_counts_as_all_of_it(limiter: Limiter) -> None:
    granted(limiter.book("a", Allowance(3, 1.0), [SlotRequest(None, True, 99)]))


# The recipient's own limit


def test_one_person_gets_a_burst_of_45_and_then_one_message_in_six_seconds(limiter: Limiter) -> None:
    ask = SlotRequest("digest", urgent=True)
    booked = limiter.book("a", None, [ask] * 47)
    assert [type(each) for each in booked] == [Slot] * 45 + [Wait] * 2
    waits = [each for each in booked if isinstance(each, Wait)]
    assert [each.code for each in waits] == ["pair-limit"] * 2
    assert [each.seconds for each in waits] == pytest.approx([6.0, 12.0], abs=0.01)
    granted(limiter.book("a", None, [SlotRequest("another", urgent=True)]))


def test_who_has_to_wait_for_his_pair_takes_no_slot_of_the_lane(limiter: Limiter) -> None:
    allowance = Allowance(50, 60.0, burst=50)
    granted(limiter.book("a", allowance, [SlotRequest("digest", True, 45)]))
    [refused] = limiter.book("a", allowance, [SlotRequest("digest", True)])
    assert isinstance(refused, Wait)
    assert limiter.capacity({"a": allowance})["a"][0] == 5


def test_who_has_to_wait_for_the_lane_uses_up_nothing_of_his_pair(limiter: Limiter, connection: redis.Redis) -> None:
    allowance = Allowance(1, 60.0)
    limiter.book("a", allowance, [URGENT, SlotRequest("digest", True)])
    assert connection.exists("harkara:pair:a:digest") == 0


# What Redis forgets


def test_an_unknown_lane_starts_with_what_the_ledger_knows(connection: redis.Redis) -> None:
    asked: list[tuple[str, int]] = []

    def ledger(lane: str, mine: int) -> list[float]:
        asked.append((lane, mine))
        return [0.1] * 4 + [0.5]

    allowance = Allowance(5, 1.0)
    [first] = granted(Limiter(connection, ledger).book("a", allowance, [SlotRequest(None, True, 1)]))
    assert first.at - time.monotonic() == pytest.approx(with_margin(1.0) - 0.5, abs=0.05)
    Limiter(connection, ledger).book("a", allowance, [URGENT])
    assert asked == [("a", 1)], "whoever comes later finds it in Redis"


def test_nothing_is_booked_before_what_may_still_go_out(connection: redis.Redis) -> None:
    limiter = Limiter(connection, lambda lane, mine: [-1.0])
    [slot] = granted(limiter.book("a", Allowance(80, 1.0), [URGENT]))
    assert slot.at >= time.monotonic() + 0.9


def test_a_log_from_an_old_snapshot_is_not_believed() -> None:
    asked: list[str] = []

    def ledger(lane: str, mine: int) -> list[float]:
        asked.append(lane)
        return []

    with valkey() as server, connect(server.url) as client:
        limiter = Limiter(client, ledger)
        limiter.book("a", Allowance(20, 60.0), [URGENT])
        client.save()
        server.kill()
        server.start()
        assert client.exists("harkara:slots:a") == 1
        limiter.book("a", Allowance(20, 60.0), [URGENT])
    assert asked == ["a", "a"]


def test_a_log_from_before_the_clock_was_set_back_is_not_believed(connection: redis.Redis) -> None:
    ages = iter([[-3600.0], []])
    limiter = Limiter(connection, lambda lane, mine: next(ages))
    assert isinstance(limiter.book("a", Allowance(20, 60.0), [URGENT])[0], Wait)
    granted(limiter.book("a", Allowance(20, 60.0), [URGENT]))


def test_a_script_that_redis_forgot_is_loaded_again(limiter: Limiter, connection: redis.Redis) -> None:
    granted(limiter.book("a", Allowance(20, 60.0), [URGENT]))
    connection.script_flush()
    granted(limiter.book("a", Allowance(20, 60.0), [URGENT]))


# After a 429


def test_after_a_429_nothing_goes_before_its_time_and_then_half_the_pace(limiter: Limiter) -> None:
    allowance = Allowance(20, 1.0, burst=5)
    granted(limiter.book("a", allowance, [URGENT]))
    limiter.slow("a", 0.5)
    limiter.slow("a", 0.5)
    moments = [slot.at for slot in granted(limiter.book("a", allowance, [URGENT] * 5))]
    assert moments[0] - time.monotonic() == pytest.approx(0.5, abs=0.05)
    steps = [later - earlier for earlier, later in pairwise(moments)]
    assert steps == pytest.approx([2 * with_margin(1.0) / 20] * 4, abs=1e-5), "two answers of one moment halve it once"


def test_the_pace_comes_back_over_five_windows(limiter: Limiter) -> None:
    allowance = Allowance(10, 0.2, burst=1)
    granted(limiter.book("a", allowance, [URGENT]))
    limiter.slow("a", 0.0)
    seen = []
    for _ in range(3):
        first, second = granted(limiter.book("a", allowance, [URGENT] * 2))
        seen.append(with_margin(0.2) / 10 / (second.at - first.at))
        time.sleep(0.6)
    assert seen == pytest.approx([0.5, 0.8, 1.0], abs=0.07)


# One command, no traces, no guesses


def test_a_chunk_costs_one_command(limiter: Limiter, connection: redis.Redis) -> None:
    chunk = [SlotRequest(f"digest-{n}", urgent=True) for n in range(50)]
    limiter.book("a", Allowance(80, 1.0), chunk)
    before = calls(connection)
    for _ in range(10):
        limiter.book("a", Allowance(80, 1.0), chunk)
    assert calls(connection) - before == 10


def test_without_limit_and_pair_redis_is_not_asked() -> None:
    limiter = Limiter(connect(f"redis://127.0.0.1:{free_port()}"), nothing_known)
    [slot] = granted(limiter.book("a", None, [URGENT]))
    assert slot.at <= time.monotonic()
    assert not slot.missed()
    assert limiter.book("a", Allowance(20, 60.0), []) == []
    assert limiter.capacity({}) == {}


def test_every_key_goes_away_by_itself(limiter: Limiter, connection: redis.Redis) -> None:
    limiter.book("a", Allowance(20, 60.0), [SlotRequest("digest", urgent=True)])
    limiter.slow("b", 60)
    keys = [str(key, "utf-8") for key in connection.keys() if isinstance(key, bytes)]
    assert sorted(keys) == ["harkara:pair:a:digest", "harkara:slots:a", "harkara:slots:b"]
    assert [0 < connection.ttl(key) <= 86_460 for key in keys] == [True] * 3


def test_a_thread_that_slept_too_long_is_told_so(limiter: Limiter) -> None:
    [slot] = granted(limiter.book("a", Allowance(80, 1.0), [URGENT]))
    time.sleep(0.02)
    assert slot.missed()


def test_redis_that_is_down_lets_nothing_pass() -> None:
    limiter = Limiter(connect(f"redis://127.0.0.1:{free_port()}"), nothing_known)
    refuses(limiter)


def test_redis_that_is_mute_lets_nothing_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        refuses(Limiter(connect(f"redis://127.0.0.1:{mute.getsockname()[1]}", timeout=0.3), nothing_known))


def test_redis_that_is_full_lets_nothing_pass() -> None:
    with valkey(maxmemory="1") as server:
        refuses(Limiter(connect(server.url), nothing_known))


def refuses(limiter: Limiter) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable):
        limiter.book("a", Allowance(20, 60.0), [URGENT])
    with pytest.raises(Unavailable):
        limiter.capacity({"a": Allowance(20, 60.0)})
    with pytest.raises(Unavailable):
        limiter.slow("a", 1)
    assert time.monotonic() - began < 2


def connect(url: str, timeout: float = 1.0) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
    )


def nothing_known(lane: str, mine: int) -> list[float]:
    return []


def granted(booked: Sequence[Slot | Wait]) -> list[Slot]:
    """The slots, when every ask got one."""
    slots = [each for each in booked if isinstance(each, Slot)]
    assert len(slots) == len(booked), booked
    return slots


def logged(client: redis.Redis, lane: str) -> list[int]:
    """The slots that the server still remembers, in microseconds of its clock."""
    script = "return cmsgpack.unpack(redis.call('HGET', KEYS[1], 'log'))"
    return list(client.eval(script, 1, f"harkara:slots:{lane}"))


def calls(client: redis.Redis) -> int:
    """Commands that clients sent; those inside a script are not among them."""
    stats = client.info("commandstats")
    return sum(
        stats.get(f"cmdstat_{name}", {"calls": 0})["calls"]
        for name in ("evalsha", "eval", "script|load", "script|exists")
    )


def fullest(moments: Sequence[float], window: float) -> int:
    """The most that any window holds."""
    moments = sorted(moments)
    return max(bisect.bisect_left(moments, at + window) - place for place, at in enumerate(moments))


def hammer(
    server: ValkeyServer,
    allowance: Allowance,
    seconds: float,
    ledger: Path,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[list[float], list[float]]:
    """The moments at which 32 threads of eight processes sent, and those of the slots that they slept through."""
    command = [sys.executable, "-m", "tests.integration.hammer", server.url, str(allowance), str(seconds), str(ledger)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "go\n"
        meanwhile()
        sent, missed = (sorted(map(float, line.split())) for line in process.communicate()[0].splitlines())
    return sent, missed
