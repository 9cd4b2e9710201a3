"""Paced hints: the first goes at once, those after it together, and none is left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import Queue
from threading import Thread, current_thread

from harkara.delivery.hints import Hints
from harkara.delivery.paced_hints import PacedHints

SECONDS = 10.0


class Published(Queue[list[str]]):
    """The ids of each hint, and the threads that published them."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[Thread] = []
        self.during: dict[str, Callable[[], None]] = {}

    def publish(self, ids: Sequence[str], *, urgent: bool) -> None:
        self.threads.append(current_thread())
        self.during.get(ids[0], lambda: None)()
        self.put(list(ids))

    def paced(self, seconds: float) -> PacedHints:
        return PacedHints(Hints(self.publish, 50), seconds)

    def everything(self) -> list[list[str]]:
        return [self.get_nowait() for _ in range(self.qsize())]


def test_hints_in_quick_succession_are_published_together() -> None:
    published = Published()
    hints = published.paced(0.2)
    for name in ("first", "second", "third"):
        hints.publish([(name, 2)])
    assert [published.get(timeout=SECONDS) for _ in range(2)] == [["first"], ["second", "third"]]
    hints.publish([])
    assert published.everything() == []


def test_a_hint_after_a_pause_is_published_at_once() -> None:
    published = Published()
    hints = published.paced(0.0)
    for name in ("first", "second"):
        hints.publish([(name, 2)])
        assert published.everything() == [[name]]


def test_a_one_time_code_waits_for_no_other_hint_and_others_go_with_it() -> None:
    published = Published()
    hints = published.paced(0.5)
    hints.publish([("first", 2)])
    hints.publish([("second", 1)])
    hints.publish([("code", 0)])
    assert published.everything() == [["first"], ["second", "code"]]


def test_one_thread_publishes_what_keeps_coming_and_ends_when_nothing_does() -> None:
    published = Published()
    hints = published.paced(0.2)
    published.during["second"] = lambda: hints.publish([("third", 2)])
    for name in ("first", "second"):
        hints.publish([(name, 2)])
    assert [published.get(timeout=SECONDS) for _ in range(3)] == [["first"], ["second"], ["third"]]
    caller, *others = published.threads
    assert caller is current_thread()
    assert others[0] is others[1]
    others[0].join(SECONDS)
    hints.publish([("fourth", 2)])
    assert published.everything() == [["fourth"]]
    assert published.threads[-1] is caller


def test_flush_publishes_what_waits() -> None:
    published = Published()
    hints = published.paced(0.5)
    hints.publish([("first", 2)])
    hints.publish([("second", 2)])
    hints.flush()
    assert published.everything() == [["first"], ["second"]]
