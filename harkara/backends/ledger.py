"""The backend of a producer that reaches the database: a row is committed before the call returns."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from harkara.assistant.rules import AssistantRules
from harkara.backends.broker import Broker
from harkara.delivery.hints import Hints
from harkara.delivery.paced_hints import PacedHints
from harkara.errors import Conflict, Invalid, NotFound
from harkara.inbound.contact import ConsentChoice
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.conversations.drafts import send_draft
from harkara.ledger.conversations.people import Participant
from harkara.ledger.conversations.turns import AnswerLimits
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept
from harkara.ledger.messages.commands import cancel
from harkara.ledger.messages.queries import find_id, get_status
from harkara.ledger.occasions.commands import save_occasions
from harkara.ledger.occasions.remind import remind_now
from harkara.ledger.users.acts import Actor
from harkara.message_status import MessageStatus
from harkara.messages import Envelope
from harkara.occasions import OccasionKey, OccasionUpdate, ReminderPlan
from harkara.receipt import Change, Receipt

BATCH = 500
"""Messages in one transaction of the database."""


class LedgerBackend:
    """Writes to the ledger, then hints the workers through Redis.

    Without a broker nothing is hinted: dispatch, which runs every second, finds the messages. `deadlines` gives, by
    category, the seconds after which a message without `expires` is no longer worth sending.
    """

    def __init__(
        self, db: Database, broker: Broker | None, *, deadlines: Mapping[str, float], queued_seconds: float, chunk: int
    ) -> None:
        self._db = db
        self._broker = broker
        self._hints = PacedHints(Hints(broker.publish_unawaited_hints, chunk)) if broker else None
        self.deadlines = deadlines
        self._queued = queued_seconds if broker else 0.0

    def enqueue(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        receipts: list[Receipt | Conflict | Invalid] = []
        for start in range(0, len(envelopes), BATCH):
            batch = envelopes[start : start + BATCH]
            results, direct = accept(
                self._db,
                batch,
                deadlines=self.deadlines,
                queued_seconds=self._queued,
                direct_hints=self._hints is not None,
            )
            receipts += results
            if self._hints:
                self._hints.publish(direct)  # the sweep finds what Redis does not take
        return receipts

    def save_occasions(
        self, updates: Sequence[OccasionUpdate], plan: ReminderPlan
    ) -> list[Change | Conflict | NotFound]:
        return save_occasions(self._db, updates, plan, self.deadlines)

    def remind(self, key: OccasionKey, plan: ReminderPlan, *, by: Actor | None = None) -> str:
        return remind_now(self._db, key, plan, self.deadlines, by=by)

    def send_draft(
        self,
        draft: str,
        person: Participant,
        rules: AssistantRules,
        *,
        by: Actor,
        texts: Sequence[str] | None = None,
    ) -> None:
        """Send a draft of the assistant, with `texts` instead of its own. Raises as `drafts.send_draft` does.

        Raises Conflict if the conversation has moved on since the draft was written: then nothing is sent.
        """
        limits = AnswerLimits(self.deadlines, self._queued)
        written = send_draft(self._db, draft, rules, limits, by=by, texts=texts, of=person)
        if written.outcome == "superseded":
            raise Conflict("the conversation has moved on since this draft was written: it was not sent")
        if written.hint and self._hints:
            self._hints.publish([written.hint])

    def record_consent(self, lane: str, choice: ConsentChoice) -> None:
        record_consent(self._db, lane, [choice], made_at=[time.monotonic()])

    def cancel(self, key: str) -> bool:
        return bool(cancel(self._db, [find_id(self._db, key)], by="the application"))

    def status(self, key: str) -> MessageStatus:
        return get_status(self._db, find_id(self._db, key))

    def close(self) -> None:
        if self._hints:
            self._hints.flush()
        self._db.close()
        if self._broker:
            self._broker.close()
