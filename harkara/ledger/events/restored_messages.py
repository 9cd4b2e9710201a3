"""Messages that may have been sent after the backup from which the ledger was restored: events find them by content.

Their POSTs are not in the ledger, so no attempt has their fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, select

from harkara.inbound import fingerprint
from harkara.inbound.events import StatusChanged
from harkara.lanes import Lane
from harkara.ledger.conditions import in_state
from harkara.ledger.halts import RESTORED
from harkara.ledger.tables import message
from harkara.ledger.transaction import Transaction
from harkara.people.spellings import spellings
from harkara.states import State

MAYBE_SENT: ColumnElement[bool] = and_(in_state(State.UNCERTAIN), message.c.code == RESTORED)
"""Messages that `harkara recover` has marked, and about which nothing is known yet."""


class RestoredMessage(NamedTuple):
    """Such a message. It was POSTed, if at all, between its creation and the moment when it was marked as restored."""

    id: str
    lane: str
    recipient: str
    body: str
    state: str
    created_at: datetime
    changed_at: datetime

    def last_posted_at(self, now: datetime) -> datetime:
        """Return when its last POST may have been; it is not marked before `harkara recover --apply`."""
        return self.changed_at if self.state == State.UNCERTAIN else now

    def fingerprint(self, lanes: Mapping[str, Lane]) -> str | None:
        """Return what an event about its POST contains; None in a lane that this deployment does not have."""
        lane = lanes.get(self.lane)
        content = fingerprint.of_request(json.loads(self.body))
        return fingerprint.keyed(lane.token, self.recipient, content) if lane else None


def load_restored(
    tx: Transaction, changes: Iterable[StatusChanged], which: ColumnElement[bool] = MAYBE_SENT
) -> list[RestoredMessage]:
    """Return the messages to the recipients of these events, among `which`."""
    recipients = {
        name for change in changes if change.recipient and change.digest for name in spellings(change.recipient)
    }
    if not recipients:
        return []
    columns = (message.c[name] for name in RestoredMessage._fields)
    query = select(*columns).where(which, message.c.recipient.in_(sorted(recipients)), message.c.body.is_not(None))
    return tx.load(RestoredMessage, query)
