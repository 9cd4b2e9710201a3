"""The door for an application that knows Redis alone: the intake stream, committed to the ledger by a worker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from harkara.errors import Conflict, HarkaraError, Invalid, NotFound, Unavailable
from harkara.intake.stream import Intake
from harkara.messages import Envelope
from harkara.receipt import Change, Receipt
from harkara.redis_client import connect
from harkara.status import MessageStatus

if TYPE_CHECKING:  # Celery costs a third of a second to import, and only a ring needs it
    from harkara.backends.broker import Broker
    from harkara.inbound.contact import Wish
    from harkara.occasions import OccasionUpdate, ReminderPlan

BATCH = 500
"""Messages in one transaction of Redis."""

COMMIT_SECONDS = 0.2
"""What a worker needs, at most and as a rule, from reading an entry to its row in the ledger."""

_ERRORS: dict[str, type[HarkaraError]] = {"NotFound": NotFound, "Conflict": Conflict, "Unavailable": Unavailable}


class RedisBackend:
    """Everything here answers or raises Unavailable within `seconds`."""

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._connection = connect(url, seconds=seconds)
        self._intake = Intake(self._connection)

    def enqueue(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        for start in range(0, len(envelopes), BATCH):
            if self._intake.append("send", [e.to_json() for e in envelopes[start : start + BATCH]]):
                self._ring()
        return [Receipt(envelope.id, new=True) for envelope in envelopes]

    def save_occasions(
        self, updates: Sequence[OccasionUpdate], plan: ReminderPlan
    ) -> list[Change | Conflict | NotFound]:
        from harkara.intake.occasion_verbs import verb_of

        for verb, run in groupby(updates, key=verb_of):
            if self._intake.append(verb, [update.to_json() for update in run]):
                self._ring()
        return [Change.HANDED_OVER for _ in updates]

    def record_consent(self, lane: str, wish: Wish) -> None:
        if self._intake.append("wish", [wish.to_json(lane)]):
            self._ring()

    def cancel(self, key: str) -> bool:
        return bool(self._ask("cancel", key))

    def status(self, key: str) -> MessageStatus:
        return MessageStatus.from_dict(self._ask("status", key))

    def close(self) -> None:
        self._connection.close()
        if "_broker" in self.__dict__:
            self._broker.close()

    def _ask(self, verb: Any, key: str) -> Any:
        answer = self._intake.request(verb, key, self._ring, seconds=0.75 * self._seconds)
        if answer.get("error") == "NotFound":
            # What was handed over a moment ago may be in the hands of another worker, who is about to commit it.
            time.sleep(COMMIT_SECONDS)
            answer = self._intake.request(verb, key, self._ring, seconds=0.5 * self._seconds)
        if "error" in answer:
            raise _ERRORS.get(answer["error"], HarkaraError)(answer["message"])
        return answer["ok"]

    def _ring(self) -> None:
        try:
            self._broker.notify_intake()
        except Unavailable:
            pass  # the entry is kept already; the workers look into the intake every second by themselves

    @cached_property
    def _broker(self) -> Broker:
        from harkara.backends.broker import Broker

        return Broker.at(self._url)
