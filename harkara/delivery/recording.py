"""What the ledger learns about a claimed message after its gates: that it was stopped, posted, or never begun."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from harkara.errors import Unavailable
from harkara.ledger.contacts.marketing_choice import STOPPED_MARKETING, apply_marketing_stop
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.outcomes import Accepted, Outcome, Refused, Wait

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5.0
"""The wait of messages that a worker could not prepare, because of its database or a bug."""


class Recording:
    """Records outcomes by the group commit. `on_stopped` gets each outcome without a POST, and must not raise."""

    def __init__(self, db: Database, commit: GroupCommit, on_stopped: Callable[[Claimed, Outcome], None]) -> None:
        self._db = db
        self._commit = commit
        self._on_stopped = on_stopped

    def record(self, message: Claimed, outcome: Outcome, recorded: Callable[[], None]) -> None:
        """Record the outcome of an attempt, and the opt-out that it may show; call `recorded` when it is durable.

        The thread does not wait for the outcome of most messages, which is `Accepted`, and may begin another message.
        """
        result = ClaimResult.of(message, outcome, posted=True)
        if isinstance(outcome, Accepted):
            self._commit.record_then(result, recorded)
            return
        self._commit.record(result)
        if isinstance(outcome, Refused) and outcome.code == STOPPED_MARKETING:
            self._record_marketing_stop(message)
        recorded()

    def stop(self, message: Claimed, outcome: Outcome) -> None:
        """Record the outcome of a message without a POST; return before it is durable."""
        self._commit.record_later(ClaimResult.of(message, outcome, posted=False))
        self._on_stopped(message, outcome)

    def postpone(self, message: Claimed) -> None:
        """Let a message wait a moment. Nothing was sent, and the worker may be at fault: the claim does not count."""
        self.stop(message, Wait(RETRY_SECONDS, "worker-trouble", "The worker could not prepare it."))

    def undo_begin(self, message: Claimed) -> None:
        """Let a message wait whose begin was not confirmed: it may be `sending` or still `claimed`.

        Nothing was sent, so it waits again from either state.
        """
        log.warning("POST skipped", action="begin_failed", id=message.id)
        for posted in (False, True):
            unavailable = Wait(RETRY_SECONDS, "worker-trouble", "The ledger did not answer.")
            self._commit.record_later(ClaimResult.of(message, unavailable, posted=posted))

    def _record_marketing_stop(self, message: Claimed) -> None:
        """If this fails, the next marketing to this person is refused again, and shows it once more."""
        try:
            with self._db.write() as tx:
                apply_marketing_stop(tx, message.lane, [message.recipient], tx.now, message.id)
        except Unavailable:
            log.warning("opt-out not recorded", action="opt_out_failed", id=message.id)
