"""The backend of a producer with Redis alone: it appends to the intake, and a worker commits to the ledger."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from harkara.errors import Conflict, HarkaraError, Invalid, NotFound, Unavailable
from harkara.intake.entries import Verb
from harkara.intake.stream import Intake
from harkara.message_status import MessageStatus
from harkara.messages import Envelope
from harkara.receipt import Change, Receipt
from harkara.redis_client import connect

if TYPE_CHECKING:  # Celery costs a third of a second to import, and only a wake-up needs it
    from harkara.backends.broker import Broker
    from harkara.inbound.contact import ConsentChoice
    from harkara.occasions import OccasionUpdate, ReminderPlan

log = logging.getLogger(__name__)

BATCH = 500
"""Entries in one transaction of Redis."""

_ERRORS: dict[str, type[HarkaraError]] = {"NotFound": NotFound, "Conflict": Conflict, "Unavailable": Unavailable}


class RedisBackend:
    """Appends to the intake; each command of Redis returns or raises Unavailable within `seconds`.

    A hand-over returns when so many `replicas` have it.
    """

    def __init__(self, url: str, seconds: float, replicas: int = 0) -> None:
        self._url = url
        self._seconds = seconds
        self._connection = connect(url, seconds=seconds)
        self._intake = Intake(self._connection, replicas=replicas, replica_seconds=0.8 * seconds)

    def enqueue(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        for start in range(0, len(envelopes), BATCH):
            batch = envelopes[start : start + BATCH]
            if self._intake.append("send", [e.to_json() for e in batch], valid_for=[e.valid_for for e in batch]):
                self._wake_workers()
        return [Receipt(envelope.id, new=True) for envelope in envelopes]

    def save_occasions(
        self, updates: Sequence[OccasionUpdate], plan: ReminderPlan
    ) -> list[Change | Conflict | NotFound]:
        # Imported here: an application without occasions does not pay for them.
        from harkara.intake.occasion_verbs import verb_of

        for verb, run in groupby(updates, key=verb_of):
            if self._intake.append(verb, [update.to_json() for update in run]):
                self._wake_workers()
        return [Change.HANDED_OVER for _ in updates]

    def record_consent(self, lane: str, choice: ConsentChoice) -> None:
        if self._intake.append("wish", [choice.to_json(lane)]):
            self._wake_workers()

    def cancel(self, key: str) -> bool:
        return bool(self._request("cancel", key))

    def status(self, key: str) -> MessageStatus:
        return MessageStatus.from_dict(self._request("status", key))

    def close(self) -> None:
        self._connection.close()
        if "_broker" in self.__dict__:
            self._broker.close()

    def _request(self, verb: Verb, key: str) -> Any:
        answer = self._intake.request(verb, key, self._wake_workers, seconds=0.75 * self._seconds)
        if answer.get("error") == "NotFound":
            # Another worker may have read the message and not committed it yet.
            self._intake.wait_for_readers(self._seconds)
            answer = self._intake.request(verb, key, self._wake_workers, seconds=0.5 * self._seconds)
        if "error" in answer:
            raise _ERRORS.get(answer["error"], HarkaraError)(answer["message"])
        return answer["ok"]

    def _wake_workers(self) -> None:
        """Wake the workers; never raises, since the entry is stored and they read the intake every second anyway."""
        try:
            self._broker.notify_intake()
        except Unavailable:
            pass
        except Exception as error:  # of the application's own Celery or kombu, for example
            log.warning("workers were not woken up (%s); messages go out a second later", type(error).__name__)

    @cached_property
    def _broker(self) -> Broker:
        # Imported here: Celery costs a third of a second, and an append within another's wake-up needs none.
        from harkara.backends.broker import Broker

        return Broker.at(self._url)
