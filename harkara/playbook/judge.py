"""The judgement of an answer: what becomes of the message now."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

from harkara.answers import Answer, Replied
from harkara.outcomes import Accepted, Outcome, Pause, Refused, Uncertain, Wait
from harkara.playbook.table import Entry, Table

Window = Literal["open", "shut", "unknown"]
"""The recipient's 24-hour window, in which raw messages are let through."""

WINDOW_CLOSED = "window-closed"
UNEXPLAINED = "WhatsApp could not deliver the message and gave no reason: ask the customer, then send it again."
OVER = "This message had been taken already and is over: send it anew if it is still of use."
LEAST = 1.0
"""Seconds: a server that asks for less patience than this does not get it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A message at the moment of its answer.

    `tries` are its POSTs with this one, `waits` the latest ones that spent nothing, all of them for `waited_for`;
    `resends` are those after doubt,
    `seconds_left` is the time to its deadline, `raw` whether it is no template.
    """

    tries: int
    waits: int
    resends: int
    category: str
    raw: bool
    seconds_left: float
    waited_for: str | None = None

    def waits_for(self, code: str) -> int:
        """How often it has waited for this very reason."""
        return self.waits if self.waited_for == code else 0


class Doubtful(Protocol):
    """What the policy for doubt looks at; a Case will do."""

    @property
    def category(self) -> str: ...
    @property
    def resends(self) -> int: ...
    @property
    def seconds_left(self) -> float: ...


@dataclass(frozen=True, slots=True)
class _Said:
    """What an outcome repeats of the answer."""

    code: str
    text: str = ""
    status: int | None = None
    retry_after: float | None = None


class Playbook:
    """Judges answers by its table, which an operator may change without new code."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._codes = table.entries("code")
        self._statuses = table.entries("http")
        self._events = table.entries("event")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises Invalid, which names the entry and what is wrong with it."""
        return cls(Table.load(path))

    def judge(
        self, answer: Answer, case: Case, rng: random.Random, *, window: Window = "unknown", evidence: bool = False
    ) -> Outcome:
        """What becomes of the message; there is an outcome for every answer.

        `evidence` is whether webhooks may yet show that it did not arrive, which some policies want before they send it
        again. A delay may end after the deadline: whoever holds the message looks at that.
        """
        if not isinstance(answer, Replied):
            return self._outcome(self._events[answer.reason], _Said(answer.reason), case, rng, evidence)
        if answer.ok:
            return Accepted(answer.job_id, answer.status)
        entry, code = self._meaning(answer)
        if entry.unless_open and case.raw and window != "open":
            entry = self._codes[entry.unless_open]
        said = _Said(code, answer.text, answer.status, answer.retry_after)
        return self._outcome(entry, said, case, rng, evidence)

    def after_crash(self, case: Doubtful, *, evidence: bool = False) -> Uncertain:
        """For a message whose worker went away between its POST and the record of the answer."""
        return self._uncertain(self._events["crash"], _Said("crash"), case, evidence)

    def undelivered(self, code: str | None, text: str, *, raw: bool, window: Window) -> Refused:
        """For a message that Chat Mitra took and WhatsApp failed later: final, and it says what to do.

        What holds back others holds them back now, too.
        """
        if code is None:
            return Refused("undelivered", text, UNEXPLAINED)
        entry = self._codes.get(code, self._table.unknown)
        if entry.unless_open and raw and window != "open":
            entry = self._codes[entry.unless_open]
        if entry.kind == "template":
            return Refused(WINDOW_CLOSED, text, entry.sentence)
        over = "" if entry.kind == "permanent" else f" {OVER}"
        seconds = entry.delay(0) if entry.delays else entry.seconds
        return Refused(code, text, entry.sentence + over, None, _pause(entry, _Said(code), seconds))

    def _meaning(self, answer: Replied) -> tuple[Entry, str]:
        """WhatsApp's code says more than the HTTP status, unless it only repeats one.

        A number that nobody knows counts as unknown where the status says no more than "refused".
        """
        status, code = str(answer.status), answer.code or ""
        if code != status and code in self._codes:
            return self._codes[code], code
        if answer.status < 300 and code in self._statuses:
            status = code
        entry = self._statuses.get(status, self._table.unknown)
        if entry.kind == "permanent" and code.isdecimal() and code != status:
            return self._table.unknown, code
        return entry, status

    def _outcome(self, entry: Entry, said: _Said, case: Case, rng: random.Random, evidence: bool) -> Outcome:
        match entry.kind:
            case "wait":
                return self._wait(entry, said, case, rng)
            case "retry":
                return self._retry(entry, said, case, rng)
            case "operator":
                return self._for_the_operator(entry, said, rng)
            case "uncertain":
                return self._uncertain(entry, said, case, evidence)
            case "template":
                return Refused(WINDOW_CLOSED, said.text, entry.sentence, said.status)
            case "permanent":
                return Refused(said.code, said.text, entry.sentence, said.status, _pause(entry, said, entry.seconds))

    def _wait(self, entry: Entry, said: _Said, case: Case, rng: random.Random) -> Outcome:
        """Not now, and it costs the message nothing."""
        waits = case.waits_for(said.code)
        delay = entry.delay(waits)
        if delay is None or (entry.waits is not None and waits >= entry.waits):
            return self._exhausted(entry, said, waits + 1, rng)
        seconds = delay if said.retry_after is None else max(said.retry_after, LEAST)
        pause = _pause(entry, said, seconds)
        return Wait(self._later(seconds, rng), said.code, _reason(entry, said), False, said.status, pause)

    def _retry(self, entry: Entry, said: _Said, case: Case, rng: random.Random) -> Outcome:
        """Once more, as long as there are tries left."""
        delay = entry.delay(max(0, case.tries - 1))
        if delay is None or case.tries >= (entry.tries or self._table.tries):
            return self._exhausted(entry, said, case.tries, rng)
        seconds = max(delay, said.retry_after or 0.0)
        pause = _pause(entry, said, seconds)
        return Wait(self._later(seconds, rng), said.code, _reason(entry, said), True, said.status, pause)

    def _exhausted(self, entry: Entry, said: _Said, times: int, rng: random.Random) -> Outcome:
        if entry.then == "operator":
            return self._for_the_operator(entry, said, rng)
        advice = f"Tried {times} time{'s' if times != 1 else ''} without success. {entry.sentence}"
        return Refused(said.code, said.text, advice, said.status)

    def _for_the_operator(self, entry: Entry, said: _Said, rng: random.Random) -> Outcome:
        """Nobody's retry will help: the message waits, parked, and with it all that the entry pauses."""
        seconds = None if entry.seconds is None else max(entry.seconds, said.retry_after or 0.0)
        pause = _pause(entry, said, seconds)
        later = None if seconds is None else self._later(seconds, rng)
        return Wait(later, said.code, _reason(entry, said), False, said.status, pause)

    def _uncertain(self, entry: Entry, said: _Said, case: Doubtful, evidence: bool) -> Uncertain:
        policies = self._table.uncertain
        policy = policies.get(case.category, policies["utility"])
        resend = policy.lost if entry.policy == "lost" else policy.server_error
        after = resend.after[case.resends] if 0 <= case.resends < len(resend.after) else None
        if after is None or after >= case.seconds_left or (resend.evidence and not evidence):
            return Uncertain(said.code, entry.sentence, None, said.status)
        return Uncertain(said.code, entry.sentence, after, said.status, resend.evidence)

    def _later(self, seconds: float, rng: random.Random) -> float:
        """Jitter comes on top, so that nobody is back before his time and not all are back at once."""
        return seconds * (1 + self._table.jitter * rng.random())


def _pause(entry: Entry, said: _Said, seconds: float | None) -> Pause | None:
    if entry.pause == "message":
        return None
    return Pause(entry.pause, seconds, said.code, entry.sentence)


def _reason(entry: Entry, said: _Said) -> str:
    return f"{entry.sentence} Chat Mitra said: {said.text}" if said.text else entry.sentence
