"""Paced hints: the first goes at once, those after it together, and none is left behind."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Queue

from harkara.delivery.hints import Hints
from harkara.delivery.paced_hints import PacedHints

SECONDS = 10.0


class Published(Queue[list[str]]):
    """The ids of each hint."""

    def publish(self, ids: Sequence[str], *, urgent: bool) -> None:
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


def test_flush_publishes_what_waits() -> None:
    published = Published()
    hints = published.paced(0.5)
    hints.publish([("first", 2)])
    hints.publish([("second", 2)])
    hints.flush()
    assert published.everything() == [["first"], ["second"]]
