"""Urgent messages, waits beyond the horizon, heavy messages and the pair limit."""

from __future__ import annotations

import time

import pytest
import redis

from harkara.limits import Allowance, Slot, SlotRequest, with_margin
from harkara.limits.limiter import HORIZON, Limiter
from harkara.outcomes import Wait
from tests.integration.limits.booking import (
    MARKETING,
    URGENT,
    granted,
)


def test_marketing_leaves_the_reserve_and_an_urgent_message_goes_at_once(limiter: Limiter) -> None:
    allowance = Allowance(20, 60.0)
    assert len([slot for slot in limiter.book("a", allowance, [MARKETING] * 30) if isinstance(slot, Slot)]) == 3
    assert [slot.at <= time.monotonic() for slot in granted(limiter.book("a", allowance, [URGENT] * 2))] == [True, True]


def test_an_urgent_message_overtakes_marketing_that_is_booked_ahead(limiter: Limiter) -> None:
    allowance = Allowance(80, 1.0)
    began = time.monotonic()
    booked = limiter.book("a", allowance, [MARKETING] * 200)
    last = max(slot.at for slot in booked if isinstance(slot, Slot))
    assert last > began + 1.5
    [urgent] = granted(limiter.book("a", allowance, [URGENT]))
    assert urgent.at < time.monotonic() + 0.05


def test_without_a_reserve_marketing_can_use_the_whole_allowance(limiter: Limiter) -> None:
    allowance = Allowance(10, 0.5, reserve=0.0)
    urgent, marketing = limiter.capacity({"a": allowance})["a"]
    assert urgent == marketing


def test_an_allowance_of_one_message_is_open_to_marketing_too(limiter: Limiter) -> None:
    granted(limiter.book("a", Allowance(1, 60.0), [MARKETING]))


def test_beyond_the_horizon_nothing_is_reserved_and_each_wait_is_longer(limiter: Limiter) -> None:
    allowance = Allowance(20, 60.0, burst=1)
    before = limiter.capacity({"a": allowance})
    booked = limiter.book("a", allowance, [URGENT] * 4)
    assert [type(each) for each in booked] == [Slot, Wait, Wait, Wait]
    waits = [each.seconds for each in booked if isinstance(each, Wait)]
    assert waits == pytest.approx([3.03, 6.06, 9.09], abs=0.01)
    assert {each.code for each in booked if isinstance(each, Wait)} == {"lane-limit"}
    assert before == {"a": (1, 1)}
    assert limiter.book("b", allowance, [URGENT])


def test_a_request_gets_a_slot_after_its_wait(limiter: Limiter) -> None:
    allowance = Allowance(1, HORIZON + 0.2)
    _, refused = limiter.book("a", allowance, [URGENT] * 2)
    assert isinstance(refused, Wait)
    assert refused.seconds
    time.sleep(refused.seconds)
    granted(limiter.book("a", allowance, [URGENT]))


def test_capacity_is_what_can_be_booked(limiter: Limiter) -> None:
    allowance = Allowance(30, 1.0)
    for request, column in ((URGENT, 0), (MARKETING, 1)):
        lane = f"lane-{column}"
        expected = limiter.capacity({lane: allowance, "other": Allowance(20, 60.0)})
        began = time.monotonic()
        booked = limiter.book(lane, allowance, [request] * 200)
        # A slot may become free between the two calls.
        assert expected[lane][column] <= sum(isinstance(each, Slot) for each in booked) <= expected[lane][column] + 1
        assert expected["other"] == (5, 3)
        left = limiter.capacity({lane: allowance})[lane][column]
        assert left <= 1 + 30 * (time.monotonic() - began)


def test_a_post_with_several_messages_uses_as_many_slots(limiter: Limiter) -> None:
    allowance = Allowance(10, 0.9, burst=1)
    first, heavy, after = granted(limiter.book("a", allowance, [URGENT, SlotRequest(None, True, 10), URGENT]))
    assert heavy.at - first.at == pytest.approx(with_margin(0.9), abs=1e-5)
    assert after.at - heavy.at == pytest.approx(with_margin(0.9), abs=1e-5)


HEAVY = SlotRequest(None, urgent=True, weight=4)


def test_a_heavy_post_is_promised_a_slot_that_single_messages_do_not_get(limiter: Limiter) -> None:
    allowance = Allowance(4, 3.0, burst=1)
    asked = time.monotonic()
    first, promised = limiter.book("a", allowance, [URGENT, HEAVY])
    assert isinstance(first, Slot)
    assert isinstance(promised, Wait)
    assert promised.seconds == pytest.approx(with_margin(3.0) - HORIZON, abs=0.05)
    wait = promised.seconds or 0.0
    while time.monotonic() < asked + wait:
        [single] = limiter.book("a", allowance, [URGENT])
        assert isinstance(single, Wait) or time.monotonic() >= asked + wait
        time.sleep(0.05)
    time.sleep(max(0.0, first.at + wait - time.monotonic()))
    [heavy] = granted(limiter.book("a", allowance, [HEAVY]))
    assert heavy.place - first.place >= (with_margin(3.0) - 0.01) * 1e6


def test_a_heavy_post_that_missed_its_promised_slot_goes_at_once(limiter: Limiter) -> None:
    allowance = Allowance(4, 2.1, burst=1)
    limiter.book("a", allowance, [URGENT, HEAVY])
    time.sleep(2.3)
    heavy, single = limiter.book("a", allowance, [HEAVY, URGENT])
    assert isinstance(heavy, Slot)
    assert heavy.at - time.monotonic() < 0.05
    assert isinstance(single, Wait), "the heavy post uses slots, though later ones than were promised"


def test_a_weight_above_the_allowance_counts_as_the_whole_allowance(limiter: Limiter) -> None:
    granted(limiter.book("a", Allowance(3, 1.0), [SlotRequest(None, True, 99)]))


def test_one_recipient_gets_a_burst_of_45_and_then_one_message_in_six_seconds(limiter: Limiter) -> None:
    request = SlotRequest("digest", urgent=True)
    booked = limiter.book("a", None, [request] * 47)
    assert [type(each) for each in booked] == [Slot] * 45 + [Wait] * 2
    waits = [each for each in booked if isinstance(each, Wait)]
    assert [each.code for each in waits] == ["pair-limit"] * 2
    assert [each.seconds for each in waits] == pytest.approx([6.0, 12.0], abs=0.01)
    granted(limiter.book("a", None, [SlotRequest("another", urgent=True)]))


def test_a_message_that_waits_for_its_pair_uses_no_slot_of_the_lane(limiter: Limiter) -> None:
    allowance = Allowance(50, 60.0, burst=50)
    granted(limiter.book("a", allowance, [SlotRequest("digest", True, 45)]))
    [refused] = limiter.book("a", allowance, [SlotRequest("digest", True)])
    assert isinstance(refused, Wait)
    assert limiter.capacity({"a": allowance})["a"][0] == 5


def test_a_message_that_waits_for_the_lane_uses_nothing_of_its_pair(limiter: Limiter, connection: redis.Redis) -> None:
    allowance = Allowance(1, 60.0)
    limiter.book("a", allowance, [URGENT, SlotRequest("digest", True)])
    assert connection.exists("harkara:pair:a:digest") == 0
