"""Read the intake: commit what producers appended to the ledger, and answer their requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from harkara.errors import Conflict, HarkaraError, Invalid, Unavailable
from harkara.intake.commit import UNKNOWN_VERB, Committer, Hint, OnAccepted
from harkara.intake.entries import IntakeEntry, Verb
from harkara.intake.occasion_verbs import PARSERS
from harkara.intake.stream import Intake
from harkara.ledger.database import Database
from harkara.ledger.messages.commands import cancel_once
from harkara.ledger.messages.queries import find_id, get_status
from harkara.ledger.occasions.commands import UpdateResult, newest_position
from harkara.messages import Envelope
from harkara.occasions import OccasionUpdate, ReminderPlan
from harkara.receipt import Receipt

log = structlog.get_logger(__name__)

_WITHOUT_ANSWER = PARSERS.keys() | {"send", "wish"}
"""Verbs whose producer expects no answer."""


class IntakeConsumer:
    """Commits entries to the ledger, then deletes them from the intake.

    `hint` receives the (id, priority) of messages that may go at once. `rejected` is called for each entry that cannot
    be applied and each update that the ledger refuses.
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
        on_accepted: OnAccepted = lambda envelopes, answers, started: None,
    ) -> None:
        self._intake = intake
        self._db = db
        self._committer = Committer(
            db,
            hint,
            plan=plan,
            deadlines=deadlines,
            queued_seconds=queued_seconds,
            rejected=rejected,
            on_accepted=on_accepted,
        )

    def drain(self) -> int:
        """Read until the intake is empty; return the number of entries committed.

        Raises Unavailable when Redis or the database does not answer. No entry is lost then.
        """
        committed = 0
        while entries := self._read():
            committed += self._commit(entries)
        return committed

    def listen(self, seconds: float) -> int:
        """Wait up to `seconds` for entries, and commit the first batch; return the number of entries read.

        Raises Unavailable as `drain` does.
        """
        if entries := self._read(seconds):
            self._commit(entries)
        return len(entries)

    def accept(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        """Store messages, and hint those that may go at once. Raises Unavailable; no message is stored then."""
        return self._committer.accept(envelopes)

    def save_once(self, update: OccasionUpdate, entry: str | None) -> UpdateResult:
        """Apply an update of a queue that may deliver it twice, under the id `entry` if any. Raises Unavailable."""
        return self._committer.save_once(update, entry)

    def _read(self, wait_seconds: float = 0.0) -> list[IntakeEntry]:
        return self._intake.read(wait_seconds=wait_seconds, newest=lambda: newest_position(self._db), moved=_log_moved)

    def _commit(self, entries: Sequence[IntakeEntry]) -> int:
        done = self._committer.commit(entries)
        later = self._may_be_known_later(done.unknown, entries)
        self._committer.report_unknown([entry for entry in done.unknown if entry not in later])
        answers = [(entry, self._answer(entry)) for entry in entries if entry.verb not in _WITHOUT_ANSWER]
        # Entries are deleted before answers are stored, since a full Redis stores no answer.
        self._intake.acknowledge([entry for entry in entries if entry not in later])
        self._reply(answers)
        return done.applied - len(later)

    def _may_be_known_later(self, unknown: Sequence[IntakeEntry], batch: Sequence[IntakeEntry]) -> list[IntakeEntry]:
        """Return the closings of unknown occasions that an earlier entry, held by another reader, may still save.

        They are not acknowledged, so they are read again together with what that reader leaves behind.
        """
        return [entry for entry in unknown if self._intake.others_hold_earlier(entry, batch)]

    def postpone(self, verb: Verb, handed_over: Envelope) -> None:
        """Append to the intake what the ledger cannot take now. Raises Unavailable."""
        self._intake.append(verb, [handed_over.to_json()], traceparents=[handed_over.traceparent])

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
        except Exception as error:  # a request that cannot be executed must not stop the entries beside it
            name = type(error).__name__
            log.error("request failed", action="request_failed", verb=entry.verb, entry=entry.stream_id, error=name)
            return {"error": HarkaraError.__name__, "message": f"the worker could not execute it ({name})"}

    def _execute(self, entry: IntakeEntry) -> Any:
        match entry.verb:
            case "status":
                return dict(get_status(self._db, find_id(self._db, entry.data)))
            case "cancel":
                identity = find_id(self._db, entry.data)
                return cancel_once(self._db, identity, by="the application", entry=f"intake {entry.stream_id}")
            case _:
                raise UNKNOWN_VERB


def _log_moved(newest: str, entries: int) -> None:
    log.warning("intake restarted behind the ledger", action="intake_moved", newest=newest, entries=entries)
