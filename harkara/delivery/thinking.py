"""Thinking: a worker claims the conversations whose turn is due, asks the assistant, and writes what it proposes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Protocol

import structlog

from harkara.assistant.backup import backup
from harkara.assistant.rules import AssistantRules
from harkara.assistant.talk import Proposal, Talk
from harkara.errors import Unavailable
from harkara.ledger.conversations.due_turns import ClaimedTurn, claim_turns, seconds_until_turn
from harkara.ledger.conversations.entries import Parse
from harkara.ledger.conversations.talk import is_bot, load_talk
from harkara.ledger.conversations.turns import (
    AnswerLimits,
    TurnOutcome,
    WrittenTurn,
    drop_turn,
    write_hand_over,
    write_turn,
)
from harkara.ledger.database import Database

log = structlog.get_logger(__name__)

LEASE_SECONDS = 60.0
"""A worker that thinks for longer has lost the conversation to another one."""

_SHORTEST_STEP = 0.1
"""Seconds between two looks for a turn, at least."""

OnTurn = Callable[[str, Proposal, TurnOutcome], None]
"""Called with the lane and the outcome of each proposal that was written."""


class Proposer(Protocol):
    """Proposes an answer, as `harkara.assistant.answering.Assistant` does. It may take seconds."""

    def propose(self, talk: Talk) -> Proposal: ...


class Thinker:
    """Thinks about `rules.parallel` conversations at once, in threads of its own, and outside of any transaction.

    `hint` publishes the (id, priority) of answers that can be sent now. A subclass may wrap the steps, as the crash
    tests do.
    """

    def __init__(
        self,
        db: Database,
        assistant: Proposer,
        rules: AssistantRules,
        limits: AnswerLimits,
        parse: Parse,
        hint: Callable[[Sequence[tuple[str, int]]], None],
        *,
        on_turn: OnTurn = lambda lane, proposal, outcome: None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._db = db
        self._assistant = assistant
        self._rules = rules
        self._limits = limits
        self._parse = parse
        self._hint = hint
        self._on_turn = on_turn
        self._lease_seconds = lease_seconds
        self._free = BoundedSemaphore(rules.parallel)
        self._threads = ThreadPoolExecutor(rules.parallel, "thinking")

    def wait(self, seconds: float) -> int:
        """Wait until a turn is due, `seconds` at most, and start to think; return about how many conversations.

        A turn is a row: another worker may be first. Raises Unavailable.
        """
        if not self._rules.lanes:
            sleep(seconds)
            return 0
        # A turn is due half of the debounce after its message at the earliest.
        end, step = monotonic() + seconds, max(_SHORTEST_STEP, self._rules.debounce.total_seconds() / 2)
        while (rest := min(step, end - monotonic())) > 0:
            left = seconds_until_turn(self._db)
            sleep(max(0.0, rest if left is None else min(rest, left)))
            if left is None or left > rest:
                continue
            if started := self.start():
                return started
            sleep(_SHORTEST_STEP)  # another worker was first, or every thread is busy
        return 0

    def start(self) -> int:
        """Claim due conversations for the threads that are free; return how many. Raises Unavailable."""
        free = 0
        while free < self._rules.parallel and self._free.acquire(blocking=False):
            free += 1
        try:
            claimed = claim_turns(self._db, free, self._lease_seconds) if free and self._rules.lanes else []
        except BaseException:
            self._release(free)
            raise
        self._release(free - len(claimed))
        for turn in claimed:
            self._threads.submit(self._run, turn)
        return len(claimed)

    def think(self, turn: ClaimedTurn) -> WrittenTurn | None:
        """Answer one conversation; return None if it needs no answer. Raises Unavailable."""
        talk = load_talk(self._db, turn, self._parse)
        if talk is None or not talk.burst or self._rules.is_own(talk.number) or is_bot(talk):
            drop_turn(self._db, turn)
            return None
        written = self._answer(turn, talk)
        if written.hint:
            self._hint([written.hint])
        return written

    def propose(self, talk: Talk) -> Proposal:
        return self._assistant.propose(talk)

    def write(self, turn: ClaimedTurn, talk: Talk, proposal: Proposal) -> WrittenTurn:
        written = write_turn(self._db, turn, talk, proposal, self._rules, self._limits)
        self._on_turn(turn.lane, proposal, written.outcome)
        return written

    def close(self) -> None:
        """Wait until the present thoughts are written."""
        self._threads.shutdown()

    def _answer(self, turn: ClaimedTurn, talk: Talk) -> WrittenTurn:
        """Let the assistant answer. A bug in it gives the conversation to a person, and the customer reads that."""
        try:
            return self.write(turn, talk, self.propose(talk))
        except Unavailable:
            raise  # its lease runs out, and a worker tries again
        except Exception as error:
            return self.write(turn, talk, backup(talk, self._rules, _broken(error)))

    def _run(self, turn: ClaimedTurn) -> None:
        try:
            written = self.think(turn)
            log.info("turn written", action="turn", outcome=written.outcome if written else "none")
        except Unavailable as error:
            log.warning("turn not written", action="turn_failed", error=str(error))  # its lease runs out
        except Exception as error:
            self._give_up(turn, _broken(error))
        finally:
            self._release(1)

    def _give_up(self, turn: ClaimedTurn, failure: str) -> None:
        """Give a conversation that cannot be read or answered to a person: each later try would break as well."""
        with suppress(Unavailable):
            write_hand_over(self._db, turn, failure, self._rules, self._limits)

    def _release(self, number: int) -> None:
        for _ in range(number):
            self._free.release()


def _broken(error: Exception) -> str:
    """Log what broke, and return its name: the text of an error may quote the customer."""
    log.error("turn failed", action="turn_broke", error=type(error).__name__)
    return type(error).__name__
