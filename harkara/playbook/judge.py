"""The judgment of an answer: the outcome of the message, found in the table."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple, Self

from harkara.answers import Answer, Replied
from harkara.outcomes import Accepted, Outcome, Pause, Refused, Uncertain, Wait
from harkara.playbook.context import AttemptContext, UncertainContext, Window
from harkara.playbook.table import LATER_EVENTS, PlaybookEntry, PlaybookTable

WINDOW_CLOSED = "window-closed"
NO_REASON = "WhatsApp could not deliver the message and gave no reason: ask the customer, then send it again."
NOT_RETRIED = "Chat Mitra had already accepted this message, so it is not tried again: send a new one if it is useful."

MIN_RETRY_AFTER = 1.0
"""Seconds. A shorter `Retry-After` counts as this."""


class _Details(NamedTuple):
    """The part of an answer that its outcome repeats."""

    code: str
    text: str = ""
    status: int | None = None
    retry_after: float | None = None


class Playbook:
    """Judges answers by a table that operators can edit."""

    def __init__(self, table: PlaybookTable) -> None:
        self._table = table
        self._codes = table.entries("code")
        self._statuses = table.entries("http")
        events = table.entries("event")
        self._events = {later: events[earlier] for later, earlier in LATER_EVENTS.items()} | events

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load the table from a file. Raises Invalid, which names the entry and the broken rule."""
        return cls(PlaybookTable.load(path))

    def judge(
        self,
        answer: Answer,
        context: AttemptContext,
        rng: random.Random,
        *,
        window: Window = "unknown",
        evidence: bool = False,
    ) -> Outcome:
        """Return the outcome of an answer; every answer has one.

        `evidence` is whether webhooks can show that the message did not arrive, which some policies require before they
        send it again. The delay of a Wait may end after the deadline, at which the message is due then.
        """
        if not isinstance(answer, Replied):
            return self._outcome(self._events[answer.reason], _Details(answer.reason), context, rng, evidence)
        if answer.ok:
            return Accepted(answer.job_id, answer.status)
        entry, code = self._find_entry(answer)
        entry = self._for_window(entry, context.raw, window)
        details = _Details(code, answer.text, answer.status, answer.retry_after)
        return self._outcome(entry, details, context, rng, evidence)

    def after_crash(self, context: UncertainContext, *, evidence: bool = False) -> Uncertain:
        """Return the outcome of a message whose worker ended between the POST and the record of the answer."""
        return self._uncertain(self._events["crash"], _Details("crash"), context, evidence)

    def undelivered(self, code: str | None, text: str, *, raw: bool, window: Window) -> Refused:
        """Return the outcome of an accepted message that WhatsApp failed to deliver: final, with the next step.

        An entry that pauses the template or the lane pauses it here, too.
        """
        if code is None:
            return Refused("undelivered", text, NO_REASON)
        entry = self._for_window(self._codes.get(code, self._table.unknown), raw, window)
        if entry.kind == "template":
            return Refused(WINDOW_CLOSED, text, entry.sentence)
        advice = entry.sentence if entry.kind == "permanent" else f"{entry.sentence} {NOT_RETRIED}"
        if entry.delays:
            return Refused(code, text, advice, None, _pause(entry, code, entry.delay(0), entry.waiting))
        return Refused(code, text, advice, None, _pause(entry, code, entry.seconds, entry.sentence))

    def may_need_template(self, code: str | None) -> bool:
        """Return whether a failure with this code may be due to a closed 24-hour window, whatever our clock says.

        Hours may lie between a POST and its failure. Chat Mitra also uses 131026 for a closed window (docs, Raw
        Messages).
        """
        entry = self._codes.get(code or "")
        if entry and entry.unless_open:
            entry = self._codes[entry.unless_open]
        return entry is not None and entry.kind == "template"

    def _find_entry(self, answer: Replied) -> tuple[PlaybookEntry, str]:
        """Prefer WhatsApp's code to the HTTP status, unless the code only repeats a status.

        An unknown number counts as an unknown code when the status alone would fail the message.
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

    def _for_window(self, entry: PlaybookEntry, raw: bool, window: Window) -> PlaybookEntry:
        if entry.unless_open and raw and window != "open":
            return self._codes[entry.unless_open]
        return entry

    def _outcome(
        self, entry: PlaybookEntry, details: _Details, context: AttemptContext, rng: random.Random, evidence: bool
    ) -> Outcome:
        match entry.kind:
            case "wait":
                return self._wait(entry, details, context, rng)
            case "retry":
                return self._retry(entry, details, context, rng)
            case "operator":
                return self._wait_for_operator(entry, details, rng)
            case "uncertain":
                return self._uncertain(entry, details, context, evidence)
            case "template":
                return Refused(WINDOW_CLOSED, details.text, entry.sentence, details.status)
            case "permanent":
                pause = _pause(entry, details.code, entry.seconds, entry.sentence)
                return Refused(details.code, details.text, entry.sentence, details.status, pause)

    def _wait(self, entry: PlaybookEntry, details: _Details, context: AttemptContext, rng: random.Random) -> Outcome:
        """Wait at no cost, as long as the entry allows another wait."""
        waits = context.waits_for(details.code)
        delay = entry.delay(waits)
        if delay is None or (entry.waits is not None and waits >= entry.waits):
            return self._exhausted(entry, details, waits + 1, rng)
        seconds = delay if details.retry_after is None else max(details.retry_after, MIN_RETRY_AFTER)
        return self._due_after(seconds, entry, details, rng, entry.waiting, spent=False)

    def _retry(self, entry: PlaybookEntry, details: _Details, context: AttemptContext, rng: random.Random) -> Outcome:
        """Spend one try, as long as tries are left."""
        delay = entry.delay(max(0, context.tries - 1))
        if delay is None or context.tries >= (entry.tries or self._table.tries):
            return self._exhausted(entry, details, context.tries, rng)
        seconds = max(delay, details.retry_after or 0.0)
        return self._due_after(seconds, entry, details, rng, entry.waiting, spent=True)

    def _exhausted(self, entry: PlaybookEntry, details: _Details, times: int, rng: random.Random) -> Outcome:
        if entry.then == "operator":
            return self._wait_for_operator(entry, details, rng)
        advice = f"Tried {times} time{'s' if times != 1 else ''} without success. {entry.sentence}"
        return Refused(details.code, details.text, advice, details.status)

    def _wait_for_operator(self, entry: PlaybookEntry, details: _Details, rng: random.Random) -> Wait:
        seconds = None if entry.seconds is None else max(entry.seconds, details.retry_after or 0.0)
        return self._due_after(seconds, entry, details, rng, entry.sentence, spent=False)

    def _due_after(
        self,
        seconds: float | None,
        entry: PlaybookEntry,
        details: _Details,
        rng: random.Random,
        sentence: str,
        *,
        spent: bool,
    ) -> Wait:
        # Jitter is only added: no message is due before its time, and messages are not all due at once.
        due = None if seconds is None else seconds * (1 + self._table.jitter * rng.random())
        reason = f"{sentence} Chat Mitra said: {details.text}" if details.text else sentence
        return Wait(due, details.code, reason, spent, details.status, _pause(entry, details.code, seconds, sentence))

    def _uncertain(
        self, entry: PlaybookEntry, details: _Details, context: UncertainContext, evidence: bool
    ) -> Uncertain:
        policies = self._table.uncertain
        policy = policies.get(context.category, policies["utility"])
        rule = policy.lost if entry.policy == "lost" else policy.server_error
        after = rule.after[context.resends] if 0 <= context.resends < len(rule.after) else None
        if after is None or after >= context.seconds_left or (rule.evidence and not evidence):
            return Uncertain(details.code, entry.sentence, None, details.status)
        return Uncertain(details.code, entry.sentence, after, details.status, rule.evidence)


def _pause(entry: PlaybookEntry, code: str, seconds: float | None, sentence: str) -> Pause | None:
    if entry.pause == "message":
        return None
    return Pause(entry.pause, seconds, code, sentence)
