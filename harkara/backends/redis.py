"""The backend of a producer with Redis alone: it appends to the intake, and a worker commits to the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from harkara.backends.broker import ACCEPT
from harkara.errors import Conflict, HarkaraError, Invalid, NotFound, Unavailable
from harkara.intake.entries import Verb
from harkara.intake.producer import IntakeProducer, NoWorkerAnswered
from harkara.message_status import MessageStatus
from harkara.messages import Envelope
from harkara.receipt import Change, Receipt
from harkara.redis_address import RedisAddress
from harkara.redis_client import redis_errors
from harkara.redis_use import UseCheck
from harkara.steps import RedisCommands, Steps
from harkara.task_elements import task_element

if TYPE_CHECKING:  # an application without consent calls and occasions does not pay for their import
    from harkara.inbound.contact import ConsentChoice
    from harkara.occasions import OccasionUpdate, ReminderPlan

BATCH = 500
"""Entries in one transaction of Redis."""

_ERRORS: dict[str, type[HarkaraError]] = {"NotFound": NotFound, "Conflict": Conflict, "Unavailable": Unavailable}


class RedisBackend:
    """Appends to the intake; each command of Redis returns or raises Unavailable within `seconds`.

    A hand-over returns when so many `replicas` have it.
    """

    def __init__(self, address: RedisAddress, seconds: float, replicas: int = 0) -> None:
        self._seconds = seconds
        self._use = UseCheck(address)
        self._intake = IntakeProducer(replicas=replicas, replica_seconds=0.8 * seconds)

    def enqueue(self, envelopes: Sequence[Envelope]) -> Steps[list[Receipt | Conflict | Invalid]]:
        for start in range(0, len(envelopes), BATCH):
            batch = envelopes[start : start + BATCH]
            payloads, valid_for = [e.to_json() for e in batch], [e.valid_for for e in batch]
            yield from self._append("send", payloads, valid_for, [e.traceparent for e in batch])
        return [Receipt(envelope.id, new=True) for envelope in envelopes]

    def save_occasions(
        self, updates: Sequence[OccasionUpdate], plan: ReminderPlan
    ) -> Steps[list[Change | Conflict | NotFound]]:
        # Imported here: an application without occasions does not pay for them.
        from harkara.intake.occasion_verbs import verb_of

        for verb, run in groupby(updates, key=verb_of):
            yield from self._append(verb, [update.to_json() for update in run])
        return [Change.HANDED_OVER for _ in updates]

    def record_consent(self, lane: str, choice: ConsentChoice) -> Steps[None]:
        yield from self._append("wish", [choice.to_json(lane)])

    def cancel(self, key: str) -> Steps[bool]:
        return bool((yield from self._request("cancel", key)))

    def status(self, key: str) -> Steps[MessageStatus]:
        return MessageStatus.from_dict((yield from self._request("status", key)))

    def close(self) -> None:
        """Do nothing: the connections belong to the client."""

    def _append(
        self,
        verb: Verb,
        payloads: Sequence[str],
        valid_for: Sequence[Any] = (),
        traceparents: Sequence[str | None] = (),
    ) -> Steps[None]:
        yield from self._use.warn_once()
        if (yield from self._intake.append(verb, payloads, valid_for=valid_for, traceparents=traceparents)):
            yield from self._wake_workers()

    def _request(self, verb: Verb, key: str) -> Steps[Any]:
        try:
            answer = yield from self._ask(verb, key)
        except NoWorkerAnswered as silence:
            raise (yield from self._use.explain(silence)) from None
        if "error" in answer:
            raise _ERRORS.get(answer["error"], HarkaraError)(answer["message"])
        return answer["ok"]

    def _ask(self, verb: Verb, key: str) -> Steps[dict[str, Any]]:
        answer = yield from self._intake.request(verb, key, self._wake_workers, seconds=0.75 * self._seconds)
        if answer.get("error") == "NotFound":
            # Another worker may have read the message and not committed it yet.
            yield from self._intake.wait_for_readers(self._seconds)
            answer = yield from self._intake.request(verb, key, self._wake_workers, seconds=0.5 * self._seconds)
        return answer

    def _wake_workers(self) -> Steps[None]:
        """Wake the workers, or leave it: the entry is stored, and they read the intake every second anyway."""
        try:
            with redis_errors():
                yield RedisCommands((("LPUSH", ACCEPT, task_element("harkara.accept", ACCEPT)),))
        except Unavailable:
            pass
