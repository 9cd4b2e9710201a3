"""Retry dead letters: apply each again as its source would have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from harkara.backends.broker import Broker
from harkara.errors import Conflict, stops_all
from harkara.intake.commit import Committer
from harkara.intake.entries import IntakeEntry
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters, delete_dead_letters, get_dead_letters
from harkara.ledger.events.process import retry_event
from harkara.ledger.events.store_events import Parse, store_webhooks
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.record import record
from harkara.ledger.occasions.commands import derive_again
from harkara.ledger.occasions.unknown_closings import require_open
from harkara.occasions import Closing, Occasion, OccasionKey
from harkara.webhooks.process import load_entry


class LetterRetry:
    """Applies dead letters again. A letter that succeeds is deleted; one that fails stays, with its new reason.

    An update of an occasion keeps its position in the intake, so it undoes nothing that the application said since.
    The save of an occasion that was closed since, or may have been, is refused.
    """

    def __init__(self, db: Database, committer: Committer, parse: Parse, broker: Broker) -> None:
        self._db = db
        self._committer = committer
        self._parse = parse
        self._broker = broker

    def retry(self, ids: Sequence[int] | None) -> Iterator[tuple[DeadLetter, str | None]]:
        """Retry these letters, or all; yield each with None, or with the sentence of its new error.

        Raises NotFound for an unknown id, before any is retried, and Unavailable.
        """
        for letter in get_dead_letters(self._db, ids):
            problem = self._problem(letter)
            if problem is None:
                delete_dead_letters(self._db, [letter.id])
            yield letter, problem

    def _problem(self, letter: DeadLetter) -> str | None:
        try:
            self._require_open(letter)
            self._apply(letter)
        except Exception as error:
            if stops_all(error):
                raise
            again = DeadLetter.of(letter.source, letter.entry, letter.kind, error)
            add_dead_letters(self._db, [again])
            return again.reason
        return None

    def _require_open(self, letter: DeadLetter) -> None:
        """Raise Conflict for the save of an occasion that was closed since, or may have been."""
        saved = _saved_occasion(letter)
        if saved and letter.created_at:
            key, position = saved
            require_open(self._db, key, letter.created_at, position)

    def _apply(self, letter: DeadLetter) -> None:
        match letter.source:
            case "intake":
                self._committer.apply(IntakeEntry(letter.entry, letter.kind, _content(letter)))
            case "webhooks":
                entry = IntakeEntry(letter.entry, letter.kind, _content(letter))
                store_webhooks(self._db, [load_entry(entry)], self._parse)
            case "events":
                retry_event(self._db, int(letter.entry))
            case "reminders":
                derive_again(self._db, letter.entry)
            case "outcome":
                with self._db.write() as tx:
                    record(tx, [ClaimResult.from_dict(json.loads(_content(letter)))])
            case "task":
                call = json.loads(_content(letter))
                self._broker.repeat_call(call["task"], call["args"], call["kwargs"], task_id=letter.entry)
            case "queue":
                self._broker.push(letter.kind, _content(letter))


def _content(letter: DeadLetter) -> str:
    if letter.content is None:
        raise Conflict("its content is erased, or was never stored: delete the letter")
    return letter.content


def _saved_occasion(letter: DeadLetter) -> tuple[OccasionKey, str | None] | None:
    """Return the occasion that a retry would save, and the position of its save in the intake, if it has one."""
    match letter.source, letter.kind:
        case "intake", "save-occasion":
            entry = IntakeEntry(letter.entry, letter.kind, _content(letter))
            return Occasion.from_json(entry.data).key, entry.position
        case "task", "harkara.occasion":
            call = json.loads(_content(letter))
            match call["args"]:
                case ["save", kind, reference]:
                    lane = call["kwargs"].get("lane", "default")
                    return Closing(status="cancelled", kind=kind, reference=reference, lane=lane).key, None
    return None
