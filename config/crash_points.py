"""Crash points for the crash tests: a process kills or freezes itself between two named steps of delivery.

K0   before the claim
K1   after the claim, before the gates
K1b  with a slot, before the commit of `sending`
K2   after the commit of `sending`
K3   in the slot, before the POST
K4   after the answer, before the record
K4b  in the transaction of the record, before its commit
K5   after the record
T0   after the claim of a conversation, before it is read
T1   before the assistant is asked
T2   with its answer, before that is written
T3   after the commit of the answer, before its hint
W1   in the HTTP API, after the commit of accepted messages, before their responses
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Collection, Sequence
from threading import Event, Lock, Timer
from typing import Any, TypeVar

from harkara.answers import ProviderConnection
from harkara.assistant.talk import Proposal, Talk
from harkara.delivery.booking import Booked, Passed
from harkara.delivery.post_times import PostTimes
from harkara.delivery.sender import Sender
from harkara.delivery.thinking import Thinker
from harkara.ledger.conversations.due_turns import ClaimedTurn
from harkara.ledger.conversations.turns import WrittenTurn
from harkara.ledger.messages.begin import BeginRequest, Begun
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.transaction import Transaction
from harkara.outcomes import Outcome

T = TypeVar("T")
U = TypeVar("U")

Checkpoint = Callable[[str], None]
"""Called with the name of each crash point that a thread reaches."""

_SPEC = re.compile(r"(?P<name>[KTW]\d[a-z]?)(?:(?P<how>[@*])(?P<nth>\d+))?(?:\+(?P<delay>[\d.]+))?(?P<frozen>~)?")


class CheckpointedSender(Sender):
    """A sender that calls `checkpoint` between its steps."""

    def __init__(self, *args: Any, checkpoint: Checkpoint, **options: Any) -> None:
        super().__init__(*args, **options)
        self._checkpoint = checkpoint

    def claim(self, ids: Sequence[str]) -> list[Claimed]:
        self._checkpoint("K0")
        return super().claim(ids)

    def check_gates(self, claimed: Sequence[Claimed]) -> list[Passed]:
        self._checkpoint("K1")
        return super().check_gates(claimed)

    def begin(self, booked: Booked) -> bool:
        self._checkpoint("K1b")
        return super().begin(booked)

    def connect(self, booked: Booked) -> ProviderConnection:
        self._checkpoint("K2")
        return super().connect(booked)

    def post(self, booked: Booked, connection: ProviderConnection) -> Outcome | None:
        self._checkpoint("K3")
        outcome = super().post(booked, connection)
        if outcome:
            self._checkpoint("K4")
        return outcome

    def report(self, message: Claimed, outcome: Outcome, times: PostTimes) -> None:
        super().report(message, outcome, times)
        self._checkpoint("K5")


class CheckpointedGroupCommit(GroupCommit):
    """A group commit that calls `checkpoint` before it commits outcomes.

    In a transaction they are written by then. What is written by one statement is committed by it, too.
    """

    def __init__(self, *args: Any, checkpoint: Checkpoint, **options: Any) -> None:
        self._checkpoint = checkpoint  # before the thread of the group commit starts
        super().__init__(*args, **options)

    def write_results(
        self, tx: Transaction, results: Sequence[ClaimResult], working: Collection[str], changed_later: Collection[str]
    ) -> set[str]:
        lanes = super().write_results(tx, results, working, changed_later)
        self._checkpoint("K4b")
        return lanes

    def write_at_once(
        self, requests: Sequence[BeginRequest], results: Sequence[ClaimResult], with_timeline: bool
    ) -> Begun:
        self._checkpoint("K4b")
        return super().write_at_once(requests, results, with_timeline)


class CheckpointedThinker(Thinker):
    """A thinker that calls `checkpoint` between its steps."""

    def __init__(self, *args: Any, checkpoint: Checkpoint, **options: Any) -> None:
        super().__init__(*args, **options)
        self._checkpoint = checkpoint

    def think(self, turn: ClaimedTurn) -> WrittenTurn | None:
        self._checkpoint("T0")
        return super().think(turn)

    def propose(self, talk: Talk) -> Proposal:
        self._checkpoint("T1")
        return super().propose(talk)

    def write(self, turn: ClaimedTurn, talk: Talk, proposal: Proposal) -> WrittenTurn:
        self._checkpoint("T2")
        written = super().write(turn, talk, proposal)
        self._checkpoint("T3")
        return written


def checked_after(function: Callable[[T], U], name: str, checkpoint: Checkpoint) -> Callable[[T], U]:
    """Return the function with a crash point between its end and its result."""

    def checked(argument: T) -> U:
        result = function(argument)
        checkpoint(name)
        return result

    return checked


def crash_at(spec: str) -> Checkpoint:
    """Return a checkpoint that ends the process at the point in `spec`. Raises ValueError for an invalid one.

    `K3` kills the process the first time, `K3@5` the fifth time, and `K3*4` when four threads are there, of which three
    wait. `K3+0.4` kills it 0.4 s later, and `K3~` freezes it until a SIGCONT.
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise ValueError(f"a crash point is written as K3, K3@5, K3*4, K3+0.4 or K3~, not {spec!r}")
    left = int(match["nth"] or 1)
    lock = Lock()
    reached = Event()

    def checkpoint(name: str) -> None:
        nonlocal left
        if name != match["name"]:
            return
        with lock:
            left -= 1
            others = left
        if others == 0:
            _signal_after(float(match["delay"] or 0), signal.SIGSTOP if match["frozen"] else signal.SIGKILL)
            reached.set()
        elif others > 0 and match["how"] == "*":
            reached.wait()

    return checkpoint


def _signal_after(seconds: float, number: signal.Signals) -> None:
    if seconds:
        Timer(seconds, _signal, (number,)).start()
    else:
        _signal(number)


def _signal(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.2)  # until every thread has stopped
