"""The lone sender: a single message goes without a hint, and never more than one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from structlog.testing import capture_logs

from harkara.delivery.lone_sender import LoneSender
from harkara.delivery.pool import Pool
from harkara.errors import Unavailable

SECONDS = 10.0


class Recorder:
    """Records what is sent and hinted. A message `slow` is sent until `released`; `away` and `broken` fail."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bool]] = []
        self.hinted: list[str] = []
        self.idle = True
        self.begun, self.released, self.last = Event(), Event(), Event()

    def send(self, ids: Sequence[str], *, urgent: bool) -> None:
        (identity,) = ids
        self.sent.append((identity, urgent))
        if identity == "away":
            raise Unavailable("the ledger is away")
        if identity == "broken":
            raise ValueError("a text of 919876543210")
        if identity == "slow":
            self.begun.set()
            assert self.released.wait(SECONDS)
        if identity == "last":
            self.last.set()

    def hint(self, released: Sequence[tuple[str, int]]) -> None:
        self.hinted += [identity for identity, _ in released]


@contextmanager
def lone_sender(recorder: Recorder) -> Iterator[LoneSender]:
    sender = LoneSender(recorder.send, recorder.hint, lambda: recorder.idle)
    yield sender
    recorder.released.set()
    sender.close()


def give(sender: LoneSender, recorder: Recorder, identity: str) -> None:
    """Wait until the message before has ended."""
    while True:
        recorder.hinted.clear()
        sender.hint([(identity, 0)])
        if not recorder.hinted:
            return


def test_a_lone_message_is_sent_and_not_hinted() -> None:
    recorder = Recorder()
    with lone_sender(recorder) as sender:
        sender.hint([("last", 1)])
        assert recorder.last.wait(SECONDS)
    with lone_sender(recorder) as sender:
        sender.hint([("later", 2)])
    assert recorder.sent == [("last", True), ("later", False)]
    assert recorder.hinted == []


def test_several_messages_and_those_of_a_busy_process_are_hinted() -> None:
    recorder = Recorder()
    with lone_sender(recorder) as sender:
        sender.hint([("a", 0), ("b", 0)])
        sender.hint([])
        recorder.idle = False
        sender.hint([("c", 0)])
    assert (recorder.sent, recorder.hinted) == ([], ["a", "b", "c"])


def test_a_message_is_hinted_while_another_is_being_sent() -> None:
    recorder = Recorder()
    with lone_sender(recorder) as sender:
        sender.hint([("slow", 0)])
        assert recorder.begun.wait(SECONDS)
        sender.hint([("next", 0)])
        assert recorder.hinted == ["next"]


def test_an_error_stops_no_later_message_and_its_text_is_not_logged() -> None:
    recorder = Recorder()
    with capture_logs() as lines, lone_sender(recorder) as sender:
        for identity in ("away", "broken", "last"):
            give(sender, recorder, identity)
        assert recorder.last.wait(SECONDS)
    assert [(line["log_level"], line["id"], line["error"]) for line in lines] == [
        ("warning", "away", "the ledger is away"),
        ("error", "broken", "ValueError"),
    ]


def test_close_waits_for_the_message_that_is_being_sent_and_later_ones_are_hinted() -> None:
    recorder = Recorder()
    sender = LoneSender(recorder.send, recorder.hint, lambda: True)
    sender.hint([("slow", 0)])
    assert recorder.begun.wait(SECONDS)
    closing = Thread(target=sender.close)
    closing.start()
    assert closing.is_alive()
    recorder.released.set()
    closing.join(SECONDS)
    assert not closing.is_alive()
    sender.hint([("later", 0)])
    assert (recorder.sent, recorder.hinted) == ([("slow", True)], ["later"])


def test_a_pool_is_idle_unless_a_work_waits_for_a_thread_or_an_admission() -> None:
    pool, begun, released = Pool(1), Event(), Event()
    assert pool.is_idle()

    def run() -> None:
        begun.set()
        assert released.wait(SECONDS)

    pool.submit(run, priority=1)
    assert begun.wait(SECONDS)
    assert pool.is_idle(), "nothing waits for the thread"
    ended = Event()
    pool.submit(ended.set, priority=1)
    assert not pool.is_idle()
    released.set()
    assert ended.wait(SECONDS)
    assert pool.is_idle()
    assert pool.admit(0, 3, SECONDS)
    assert pool.is_idle(), "an admission without works takes no thread"
    assert pool.admit(1, 0, SECONDS)
    assert not pool.is_idle()
    pool.end_admission(1, 0)
    pool.close()
