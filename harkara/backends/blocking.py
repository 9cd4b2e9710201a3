"""The ledger's backend in steps: an event loop runs each of its calls in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from harkara.errors import Conflict, Invalid, NotFound
from harkara.message_status import MessageStatus
from harkara.messages import Envelope
from harkara.receipt import Change, Receipt
from harkara.steps import Call, Steps

if TYPE_CHECKING:  # the backend is given, and needs harkara[server]
    from harkara.backends.ledger import LedgerBackend
    from harkara.inbound.contact import ConsentChoice
    from harkara.occasions import OccasionUpdate, ReminderPlan


class BlockingBackend:
    """Passes each call to a backend that blocks."""

    def __init__(self, backend: LedgerBackend) -> None:
        self._backend = backend

    def enqueue(self, envelopes: Sequence[Envelope]) -> Steps[list[Receipt | Conflict | Invalid]]:
        found = yield Call(partial(self._backend.enqueue, envelopes))
        return cast("list[Receipt | Conflict | Invalid]", found)

    def save_occasions(
        self, updates: Sequence[OccasionUpdate], plan: ReminderPlan
    ) -> Steps[list[Change | Conflict | NotFound]]:
        found = yield Call(partial(self._backend.save_occasions, updates, plan))
        return cast("list[Change | Conflict | NotFound]", found)

    def record_consent(self, lane: str, choice: ConsentChoice) -> Steps[None]:
        yield Call(partial(self._backend.record_consent, lane, choice))

    def cancel(self, key: str) -> Steps[bool]:
        return bool((yield Call(partial(self._backend.cancel, key))))

    def status(self, key: str) -> Steps[MessageStatus]:
        return cast(MessageStatus, (yield Call(partial(self._backend.status, key))))

    def close(self) -> None:
        self._backend.close()
