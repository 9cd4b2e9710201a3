"""Reception: reads the intake into the ledger, and answers those who asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import structlog

from harkara.errors import Conflict, HarkaraError, Invalid, Unavailable
from harkara.inbound.contact import Wish
from harkara.intake.occasion_verbs import PARSERS
from harkara.intake.stream import Intake, IntakeEntry
from harkara.ledger.contacts.consent import keep
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept, accept_as_failed, add_aliases
from harkara.ledger.messages.commands import cancel, find_id
from harkara.ledger.messages.queries import get_status
from harkara.ledger.occasions.commands import UpdateResult, save_occasions
from harkara.messages import Envelope
from harkara.occasions import OccasionUpdate, ReminderPlan
from harkara.receipt import Receipt

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TOLD = PARSERS.keys() | {"send", "wish"}
"""What is said, and not asked."""

Hint = Callable[[list[tuple[str, int]]], None]


class IntakeConsumer:
    """Commits what producers handed over, then lets Redis forget it."""

    def __init__(
        self,
        intake: Intake,
        db: Database,
        hint: Hint,
        *,
        plan: ReminderPlan,
        deadlines: Mapping[str, float],
        queued_seconds: float,
        rejected: Callable[[], None] = lambda: None,
    ) -> None:
        self._intake = intake
        self._db = db
        self._hint = hint
        self._plan = plan
        self._deadlines = deadlines
        self._queued = queued_seconds
        self._rejected = rejected

    def drain(self) -> int:
        """Reads until the intake is empty; returns how many came. Raises Unavailable: nothing is lost then."""
        came = 0
        while entries := self._intake.read():
            # What people want goes before what is to be sent to them.
            came += self._follow([entry for entry in entries if entry.verb == "wish"])
            came += self._take([entry for entry in entries if entry.verb == "send"])
            came += self._hear([entry for entry in entries if entry.verb in PARSERS])
            answers = [(entry, self._answer(entry)) for entry in entries if entry.verb not in _TOLD]
            # First of all Redis is relieved: one that is full takes no answers either.
            self._intake.acknowledge(entries)
            self._reply(answers)
        return came

    def accept(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        """Accepts, and hints what may go at once. Raises Unavailable when the database is; then nothing was kept."""
        receipts, direct = accept(
            self._db, envelopes, deadlines=self._deadlines, queued_seconds=self._queued, keep_refused=True
        )
        add_aliases(self._db, {e.id: r.id for e, r in zip(envelopes, receipts, strict=True) if isinstance(r, Receipt)})
        for envelope, receipt in zip(envelopes, receipts, strict=True):
            if isinstance(receipt, Conflict):
                # Nobody is there to hear the refusal: it is written where people look.
                accept_as_failed(self._db, envelope, "reference-conflict", str(receipt), self._deadlines)
        self._hint(direct)
        return receipts

    def save_occasions(self, steps: Sequence[OccasionUpdate]) -> list[UpdateResult]:
        """Takes in their order what is said of occasions. Raises Unavailable."""
        answers = save_occasions(self._db, steps, self._plan, self._deadlines)
        for step, answer in zip(steps, answers, strict=True):
            if isinstance(answer, HarkaraError):
                # Nobody is there to hear it.
                log.warning("an occasion stays as it was", action="occasion_refused", kind=step.kind, why=str(answer))
                self._rejected()
        return answers

    def _follow(self, entries: Sequence[IntakeEntry]) -> int:
        said = [found for entry in entries if (found := self._read(entry, Wish.from_json))]
        for lane in sorted({lane for lane, _ in said}):
            keep(self._db, lane, [wish for its, wish in said if its == lane])
        return len(said)

    def _take(self, entries: Sequence[IntakeEntry]) -> int:
        envelopes = [envelope for entry in entries if (envelope := self._read(entry, Envelope.from_json))]
        if envelopes:
            self.accept(envelopes)
        return len(envelopes)

    def _hear(self, entries: Sequence[IntakeEntry]) -> int:
        steps: list[OccasionUpdate] = [step for entry in entries if (step := self._read(entry, PARSERS[entry.verb]))]
        self.save_occasions(steps)
        return len(steps)

    def _read(self, entry: IntakeEntry, read: Callable[[str], T]) -> T | None:
        try:
            return read(entry.data)
        except (Invalid, RecursionError) as error:
            # It did not come from a client of this release; its content is not for the log.
            why = str(error) if isinstance(error, Invalid) else "it is nested too deeply"
            log.error("the intake held what is no message", action="intake_rejected", entry=entry.stream_id, why=why)
            self._rejected()
            return None

    def _reply(self, answers: Sequence[tuple[IntakeEntry, dict[str, Any]]]) -> None:
        try:
            for entry, answer in answers:
                self._intake.reply(entry, answer)
        except Unavailable as error:
            log.warning("some who asked get no answer", action="answer_failed", error=str(error))

    def _answer(self, entry: IntakeEntry) -> dict[str, Any]:
        try:
            return {"ok": self._do(entry)}
        except HarkaraError as error:
            return {"error": type(error).__name__, "message": str(error)}

    def _do(self, entry: IntakeEntry) -> Any:
        match entry.verb:
            case "status":
                return dict(get_status(self._db, find_id(self._db, entry.data)))
            case "cancel":
                return bool(cancel(self._db, [find_id(self._db, entry.data)], by="the application"))
            case _:
                raise Invalid("verb", "is not known to this release; are all processes of one version?")
