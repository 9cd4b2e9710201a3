"""Commit entries of the intake to the ledger: together, and after an unexpected error one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import structlog

from harkara.errors import Conflict, Invalid, NotFound
from harkara.inbound.contact import ConsentChoice
from harkara.intake.entries import IntakeEntry
from harkara.intake.occasion_verbs import PARSERS, verb_of
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters
from harkara.ledger.messages.accept import accept, accept_as_failed, add_aliases
from harkara.ledger.occasions.commands import UpdateResult, save_occasions, save_once
from harkara.ledger.occasions.refusals import notify_refusal
from harkara.ledger.occasions.unknown_closings import remember_closings
from harkara.ledger.write_each import write_each
from harkara.messages import Envelope
from harkara.occasions import OccasionUpdate, ReminderPlan
from harkara.receipt import Change, Receipt

log = structlog.get_logger(__name__)

T = TypeVar("T")

Answers = Sequence[Receipt | Conflict | Invalid]

OnAccepted = Callable[[Sequence[Envelope], Answers, float], None]
"""Called after a commit with its messages, their answers, and when it began by `time.monotonic()`; raises nothing."""

_VERBS = PARSERS.keys() | {"send", "wish", "cancel", "status"}

UNKNOWN_VERB = Invalid("verb", "is not known to this release; do all processes run one version?")

Hint = Callable[[list[tuple[str, int]]], None]


@dataclass(slots=True)
class Committed:
    """What became of a batch: the number of entries applied, and the closings whose occasion is unknown."""

    applied: int = 0
    unknown: list[IntakeEntry] = field(default_factory=list)


class Committer:
    """Applies entries to the ledger. An entry that cannot be applied becomes a dead letter and stops no other.

    `hint` receives the (id, priority) of messages that may go at once. `rejected` is called for each entry that becomes
    a dead letter and each update that the ledger refuses.
    """

    def __init__(
        self,
        db: Database,
        hint: Hint,
        *,
        plan: ReminderPlan,
        deadlines: Mapping[str, float],
        queued_seconds: float,
        rejected: Callable[[], None],
        on_accepted: OnAccepted = lambda envelopes, answers, started: None,
    ) -> None:
        self._db = db
        self._hint = hint
        self._plan = plan
        self._deadlines = deadlines
        self._queued = queued_seconds
        self._rejected = rejected
        self._on_accepted = on_accepted

    def commit(self, entries: Sequence[IntakeEntry]) -> Committed:
        """Apply messages, consent and occasion updates, and skip requests that expect an answer. Raises Unavailable."""
        done = Committed()

        def save(parsed: Sequence[tuple[IntakeEntry, OccasionUpdate]]) -> None:
            done.unknown += self._save(parsed)

        # Consent is committed before the messages of the same batch, so that an opt-out stops them.
        done.applied += self._write(entries, {"wish": ConsentChoice.from_json}, self._record)
        done.applied += self._write(entries, {"send": Envelope.from_json}, self._accept)
        done.applied += self._write(entries, PARSERS, save)
        for entry in entries:
            if entry.verb not in _VERBS and entry.reply_to is None:
                self._reject(entry, UNKNOWN_VERB)
        return done

    def apply(self, entry: IntakeEntry) -> None:
        """Apply one entry of a dead letter. Raises what stops it."""
        if entry.verb == "wish":
            self._record([(entry, ConsentChoice.from_json(entry.data))])
        elif entry.verb == "send":
            self._accept([(entry, Envelope.from_json(entry.data))])
        elif parse := PARSERS.get(entry.verb):
            if self._save([(entry, parse(entry.data))]):
                raise NotFound("no occasion has this reference")
        else:
            raise UNKNOWN_VERB

    def accept(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        """Store messages, and hint those that may go at once. Raises Unavailable; no message is stored then."""
        started = time.monotonic()
        receipts, direct = accept(
            self._db, envelopes, deadlines=self._deadlines, queued_seconds=self._queued, keep_refused=True
        )
        self._on_accepted(envelopes, receipts, started)
        add_aliases(self._db, {e.id: r.id for e, r in zip(envelopes, receipts, strict=True) if isinstance(r, Receipt)})
        for envelope, receipt in zip(envelopes, receipts, strict=True):
            if isinstance(receipt, Conflict):
                # No caller waits for this error, so it is stored where the operator sees it.
                accept_as_failed(self._db, envelope, "reference-conflict", str(receipt), self._deadlines)
        self._hint(direct)
        return receipts

    def save_once(self, update: OccasionUpdate, entry: str | None) -> UpdateResult:
        """Apply an update that its queue may deliver twice; see `save_once` of the ledger. Raises Unavailable."""
        answer = save_once(self._db, update, self._plan, self._deadlines, entry)
        self._report(update, answer, entry)
        return answer

    def report_unknown(self, entries: Sequence[IntakeEntry]) -> None:
        """Report closings whose occasion is unknown and will not be known later. Raises Unavailable.

        They are remembered, since the save of the occasion may be a dead letter, whose retry would undo the closing.
        """
        closings = [(entry, PARSERS[entry.verb](entry.data)) for entry in entries]
        if closings:
            remember_closings(self._db, [(update.key, entry.position) for entry, update in closings])
        for entry, update in closings:
            self._report(update, NotFound("no occasion has this reference"), _name(entry))

    def _write(
        self,
        entries: Sequence[IntakeEntry],
        parsers: Mapping[str, Callable[[str], T]],
        write: Callable[[Sequence[tuple[IntakeEntry, T]]], None],
    ) -> int:
        parsed = [
            (entry, found)
            for entry in entries
            if (parse := parsers.get(entry.verb)) and (found := self._parse(entry, parse)) is not None
        ]
        if not parsed:
            return 0
        return len(write_each(parsed, write, lambda pair, error: self._reject(pair[0], error)))

    def _parse(self, entry: IntakeEntry, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(entry.data)
        except Exception as error:  # no client of this release wrote the entry
            self._reject(entry, error)
            return None

    def _record(self, choices: Sequence[tuple[IntakeEntry, tuple[str, ConsentChoice]]]) -> None:
        for lane in sorted({lane for _, (lane, _) in choices}):
            own = [(entry, choice) for entry, (its_lane, choice) in choices if its_lane == lane]
            entries = [_name(entry) for entry, _ in own]
            # The producer's clock may be wrong: a choice counts from the moment at which it was handed over.
            record_consent(self._db, lane, [choice for _, choice in own], entries, [e.appended_at for e, _ in own])

    def _accept(self, envelopes: Sequence[tuple[IntakeEntry, Envelope]]) -> None:
        self.accept(
            [
                envelope.with_validity(entry.valid_for, _age(entry)).with_traceparent(entry.traceparent)
                for entry, envelope in envelopes
            ]
        )

    def _save(self, parsed: Sequence[tuple[IntakeEntry, OccasionUpdate]]) -> list[IntakeEntry]:
        """Apply the updates in their order; return the entries of closings whose occasion is unknown."""
        updates, positions = [update for _, update in parsed], [entry.position for entry, _ in parsed]
        answers = save_occasions(self._db, updates, self._plan, self._deadlines, positions)
        unknown = []
        for (entry, update), answer in zip(parsed, answers, strict=True):
            if isinstance(answer, NotFound):
                unknown.append(entry)
            else:
                self._report(update, answer, _name(entry))
        return unknown

    def _report(self, update: OccasionUpdate, answer: UpdateResult, entry: str | None) -> None:
        """Report an update without effect: no caller waits for its result, and the application learns of a refusal."""
        about = {"verb": verb_of(update), "kind": update.kind, "entry": entry}
        if isinstance(answer, Conflict | NotFound):
            notify_refusal(self._db, update, answer, entry)
            log.warning("occasion refused", action="occasion_refused", why=str(answer), **about)
            self._rejected()
        elif answer is Change.OUTDATED:
            log.warning("occasion outdated", action="occasion_outdated", **about)

    def _reject(self, entry: IntakeEntry, error: Exception) -> None:
        # The content may be private and is not logged. A one-time code is not stored either: it is over before a retry.
        content = None if self._plan.catalogue.may_hold_code(entry.data) else entry.data
        letter = DeadLetter.of("intake", entry.stream_id, entry.verb, error, content)
        log.error("intake entry rejected", action="intake_rejected", entry=entry.stream_id, why=letter.reason)
        add_dead_letters(self._db, [letter])
        self._rejected()


def _name(entry: IntakeEntry) -> str:
    """Return the name of an entry among all sources, by which its repeat is recognized."""
    return f"intake {entry.stream_id}"


def _age(entry: IntakeEntry) -> timedelta | None:
    return None if entry.appended_at is None else timedelta(seconds=time.monotonic() - entry.appended_at)
