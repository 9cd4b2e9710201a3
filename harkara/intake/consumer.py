"""Read the intake: commit what producers appended to the ledger, and answer their requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import structlog

from harkara.errors import Conflict, HarkaraError, Invalid, Unavailable
from harkara.inbound.contact import ConsentChoice
from harkara.intake.occasion_verbs import PARSERS
from harkara.intake.stream import Intake, IntakeEntry
from harkara.ledger.contacts.consent import record_consent
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

_WITHOUT_ANSWER = PARSERS.keys() | {"send", "wish"}
"""Verbs whose producer expects no answer."""

Hint = Callable[[list[tuple[str, int]]], None]


class IntakeConsumer:
    """Commits entries to the ledger, then deletes them from the intake.

    `hint` receives the (id, priority) of messages that may go at once. `rejected` is called for each entry that this
    release cannot read and each update that the ledger refuses.
    """

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
        """Read until the intake is empty; return the number of entries committed.

        Raises Unavailable when Redis or the database does not answer. No entry is lost then.
        """
        committed = 0
        while entries := self._intake.read():
            # Consent is committed before the messages of the same batch, so that an opt-out stops them.
            committed += self._commit_consent([entry for entry in entries if entry.verb == "wish"])
            committed += self._commit_messages([entry for entry in entries if entry.verb == "send"])
            committed += self._commit_occasions([entry for entry in entries if entry.verb in PARSERS])
            answers = [(entry, self._answer(entry)) for entry in entries if entry.verb not in _WITHOUT_ANSWER]
            # Entries are deleted before answers are stored, since a full Redis stores no answer.
            self._intake.acknowledge(entries)
            self._reply(answers)
        return committed

    def accept(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        """Store messages, and hint those that may go at once. Raises Unavailable; no message is stored then."""
        receipts, direct = accept(
            self._db, envelopes, deadlines=self._deadlines, queued_seconds=self._queued, keep_refused=True
        )
        add_aliases(self._db, {e.id: r.id for e, r in zip(envelopes, receipts, strict=True) if isinstance(r, Receipt)})
        for envelope, receipt in zip(envelopes, receipts, strict=True):
            if isinstance(receipt, Conflict):
                # No caller waits for this error, so it is stored where the operator sees it.
                accept_as_failed(self._db, envelope, "reference-conflict", str(receipt), self._deadlines)
        self._hint(direct)
        return receipts

    def save_occasions(self, updates: Sequence[OccasionUpdate]) -> list[UpdateResult]:
        """Apply the updates in their order. Raises Unavailable."""
        answers = save_occasions(self._db, updates, self._plan, self._deadlines)
        for update, answer in zip(updates, answers, strict=True):
            if isinstance(answer, HarkaraError):
                # No caller waits for this error, so it is logged.
                log.warning("occasion refused", action="occasion_refused", kind=update.kind, why=str(answer))
                self._rejected()
        return answers

    def _commit_consent(self, entries: Sequence[IntakeEntry]) -> int:
        choices = [found for entry in entries if (found := self._parse(entry, ConsentChoice.from_json))]
        for lane in sorted({lane for lane, _ in choices}):
            record_consent(self._db, lane, [choice for its_lane, choice in choices if its_lane == lane])
        return len(choices)

    def _commit_messages(self, entries: Sequence[IntakeEntry]) -> int:
        envelopes = [envelope for entry in entries if (envelope := self._parse(entry, Envelope.from_json))]
        if envelopes:
            self.accept(envelopes)
        return len(envelopes)

    def _commit_occasions(self, entries: Sequence[IntakeEntry]) -> int:
        updates: list[OccasionUpdate] = [
            update for entry in entries if (update := self._parse(entry, PARSERS[entry.verb]))
        ]
        self.save_occasions(updates)
        return len(updates)

    def _parse(self, entry: IntakeEntry, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(entry.data)
        except (Invalid, RecursionError) as error:
            # No client of this release wrote the entry. Its content may be private and is not logged.
            why = str(error) if isinstance(error, Invalid) else "it is nested too deeply"
            log.error("intake entry rejected", action="intake_rejected", entry=entry.stream_id, why=why)
            self._rejected()
            return None

    def _reply(self, answers: Sequence[tuple[IntakeEntry, dict[str, Any]]]) -> None:
        try:
            for entry, answer in answers:
                self._intake.reply(entry, answer)
        except Unavailable as error:
            log.warning("answers not delivered", action="answer_failed", error=str(error))

    def _answer(self, entry: IntakeEntry) -> dict[str, Any]:
        try:
            return {"ok": self._execute(entry)}
        except HarkaraError as error:
            return {"error": type(error).__name__, "message": str(error)}

    def _execute(self, entry: IntakeEntry) -> Any:
        match entry.verb:
            case "status":
                return dict(get_status(self._db, find_id(self._db, entry.data)))
            case "cancel":
                return bool(cancel(self._db, [find_id(self._db, entry.data)], by="the application"))
            case _:
                raise Invalid("verb", "is not known to this release; do all processes run one version?")
