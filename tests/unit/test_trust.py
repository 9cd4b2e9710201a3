"""How an application that fails is spared, and how it gets its callbacks again."""

from __future__ import annotations

from harkara.callbacks.backoff import FAILURES_IN_A_ROW, MAX_BATCH, MAX_PAUSE, Backoff
from harkara.ledger.callbacks.outbox import Delivered, DeliveryResult, Failed, Untried

TAKEN, REFUSED = Delivered(204), Failed("HTTP 500", 500, 5.0)


class Clock:
    """Stands still until a test moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def batch(backoff: Backoff, *verdicts: DeliveryResult, wish: float = 0.0) -> None:
    for verdict in verdicts:
        backoff.record(verdict, wish)
    backoff.end_batch()


def pause(backoff: Backoff, clock: Clock) -> float:
    """Moves the clock to when something may be brought again; returns how long that took."""
    began = clock.now
    while not backoff.batch_size:
        clock.now += 0.1
    return clock.now - began


def test_single_failures_cost_nothing() -> None:
    backoff = Backoff(Clock())
    for _ in range(20):
        batch(backoff, TAKEN, *[REFUSED] * (FAILURES_IN_A_ROW - 1), TAKEN)
        assert backoff.batch_size == MAX_BATCH


def test_an_application_that_fails_gets_one_at_a_time_with_growing_pauses() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    batch(backoff, *[REFUSED] * FAILURES_IN_A_ROW)
    pauses = [pause(backoff, clock)]
    while pauses[-1] < MAX_PAUSE:
        assert backoff.batch_size == 1
        assert not backoff.long_failing
        batch(backoff, REFUSED)
        pauses.append(pause(backoff, clock))
    assert backoff.long_failing
    assert [round(each / least) for each, least in zip(pauses, (1, 2, 4, 8, 16, 30), strict=True)] == [1] * 6


def test_one_that_takes_them_again_gets_twice_as_many_with_every_batch() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    batch(backoff, *[REFUSED] * FAILURES_IN_A_ROW)
    pause(backoff, clock)
    rooms = []
    for _ in range(6):
        batch(backoff, TAKEN)
        rooms.append(backoff.batch_size)
    assert rooms == [2, 4, 8, 16, 32, 32]


def test_a_wish_for_time_is_granted_and_takes_no_trust_away() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    backoff.record(REFUSED, 120.0)
    assert backoff.halted
    backoff.end_batch()
    assert 120 <= pause(backoff, clock) < 121
    assert backoff.batch_size == MAX_BATCH


def test_what_was_not_tried_says_nothing_of_the_application() -> None:
    backoff = Backoff(Clock())
    batch(backoff, *[Untried()] * 10)
    assert (backoff.batch_size, backoff.failing) == (MAX_BATCH, False)
