"""A failing application gets few callbacks with long pauses, and all of them again when it recovers."""

from __future__ import annotations

from harkara.callbacks.backoff import FAILURES_IN_A_ROW, MAX_BATCH, MAX_PAUSE, Backoff
from harkara.ledger.callbacks.outbox import Delivered, DeliveryResult, Failed, Untried

DELIVERED, FAILED = Delivered(204), Failed("HTTP 500", 500, 5.0)


class ManualClock:
    """A clock that only a test advances, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def run_batch(backoff: Backoff, *results: DeliveryResult) -> None:
    for result in results:
        backoff.record(result)
    backoff.end_batch()


def wait_out_pause(backoff: Backoff, clock: ManualClock) -> float:
    """Advance the clock to the end of the pause; return how long that took."""
    start = clock.now
    while not backoff.batch_size:
        clock.now += 0.1
    return clock.now - start


def test_single_failures_change_nothing() -> None:
    backoff = Backoff(ManualClock())
    for _ in range(20):
        run_batch(backoff, DELIVERED, *[FAILED] * (FAILURES_IN_A_ROW - 1), DELIVERED)
        assert backoff.batch_size == MAX_BATCH


def test_a_failing_application_gets_one_callback_at_a_time_with_growing_pauses() -> None:
    clock = ManualClock()
    backoff = Backoff(clock)
    run_batch(backoff, *[FAILED] * FAILURES_IN_A_ROW)
    pauses = [wait_out_pause(backoff, clock)]
    while pauses[-1] < MAX_PAUSE:
        assert backoff.batch_size == 1
        assert not backoff.long_failing
        run_batch(backoff, FAILED)
        pauses.append(wait_out_pause(backoff, clock))
    assert backoff.long_failing
    assert [round(each / least) for each, least in zip(pauses, (1, 2, 4, 8, 16, 30), strict=True)] == [1] * 6


def test_a_recovering_application_gets_batches_of_twice_the_size_each_time() -> None:
    clock = ManualClock()
    backoff = Backoff(clock)
    run_batch(backoff, *[FAILED] * FAILURES_IN_A_ROW)
    wait_out_pause(backoff, clock)
    sizes = []
    for _ in range(6):
        run_batch(backoff, DELIVERED)
        sizes.append(backoff.batch_size)
    assert sizes == [2, 4, 8, 16, 32, 32]


def test_retry_after_pauses_delivery_and_keeps_the_batch_size() -> None:
    clock = ManualClock()
    backoff = Backoff(clock)
    backoff.record(FAILED, 120.0)
    assert backoff.halted
    backoff.end_batch()
    assert 120 <= wait_out_pause(backoff, clock) < 121
    assert backoff.batch_size == MAX_BATCH


def test_untried_callbacks_do_not_count_as_failures() -> None:
    backoff = Backoff(ManualClock())
    run_batch(backoff, *[Untried()] * 10)
    assert (backoff.batch_size, backoff.failing) == (MAX_BATCH, False)
