"""How an application that fails is spared, and how it gets its callbacks again."""

from __future__ import annotations

from harkara.callbacks.backoff import IN_A_ROW, LONGEST_PAUSE, MOST, Trust
from harkara.ledger.callbacks.outbox import Delivered, Failed, Untried, Verdict

TAKEN, REFUSED = Delivered(204), Failed("HTTP 500", 500, 5.0)


class Clock:
    """Stands still until a test moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def batch(trust: Trust, *verdicts: Verdict, wish: float = 0.0) -> None:
    for verdict in verdicts:
        trust.learn(verdict, wish)
    trust.rest()


def pause(trust: Trust, clock: Clock) -> float:
    """Moves the clock to when something may be brought again; returns how long that took."""
    began = clock.now
    while not trust.room:
        clock.now += 0.1
    return clock.now - began


def test_single_failures_cost_nothing() -> None:
    trust = Trust(Clock())
    for _ in range(20):
        batch(trust, TAKEN, *[REFUSED] * (IN_A_ROW - 1), TAKEN)
        assert trust.room == MOST


def test_an_application_that_fails_gets_one_at_a_time_with_growing_pauses() -> None:
    clock = Clock()
    trust = Trust(clock)
    batch(trust, *[REFUSED] * IN_A_ROW)
    pauses = [pause(trust, clock)]
    while pauses[-1] < LONGEST_PAUSE:
        assert trust.room == 1
        assert not trust.hopeless
        batch(trust, REFUSED)
        pauses.append(pause(trust, clock))
    assert trust.hopeless
    assert [round(each / least) for each, least in zip(pauses, (1, 2, 4, 8, 16, 30), strict=True)] == [1] * 6


def test_one_that_takes_them_again_gets_twice_as_many_with_every_batch() -> None:
    clock = Clock()
    trust = Trust(clock)
    batch(trust, *[REFUSED] * IN_A_ROW)
    pause(trust, clock)
    rooms = []
    for _ in range(6):
        batch(trust, TAKEN)
        rooms.append(trust.room)
    assert rooms == [2, 4, 8, 16, 32, 32]


def test_a_wish_for_time_is_granted_and_takes_no_trust_away() -> None:
    clock = Clock()
    trust = Trust(clock)
    trust.learn(REFUSED, 120.0)
    assert trust.shaken
    trust.rest()
    assert 120 <= pause(trust, clock) < 121
    assert trust.room == MOST


def test_what_was_not_tried_says_nothing_of_the_application() -> None:
    trust = Trust(Clock())
    batch(trust, *[Untried()] * 10)
    assert (trust.room, trust.lost) == (MOST, False)
