"""Late fallback: WhatsApp fails a message that Chat Mitra accepted, because the 24-hour window is closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harkara.lanes import Lane
from harkara.ledger.events.candidate_messages import LockedMessage, StatusEvent
from harkara.ledger.messages.fallback import replacement
from harkara.ledger.transaction import Row, Transaction
from harkara.messages import Template
from harkara.playbook import Playbook
from harkara.states import UNSENT, State


class Fallback(NamedTuple):
    """The columns of a message that its fallback replaces, and why."""

    columns: Row
    reason: str


def late_fallback(
    tx: Transaction,
    row: LockedMessage,
    state: State,
    event: StatusEvent,
    playbook: Playbook,
    lanes: Mapping[str, Lane],
) -> Fallback | None:
    """Return the fallback that is sent after this failure; None lets the message fail.

    A message that may have arrived is not replaced: one that was sent again after an uncertain try, one that an
    operator has seen, or one of several in a request. Nor is a message whose deadline has passed. The gates then check
    consent and quiet hours of the fallback, as of any message.
    """
    if not playbook.may_need_template(event.change.code) or row.kind in (Template.kind, "batch"):
        return None
    if state in UNSENT or row.resends or row.code == "operator" or row.expires_at <= tx.now:
        return None
    lane = lanes.get(row.lane)
    columns = replacement(tx, row.id, lane.reengage if lane else None)
    if not columns:
        return None
    said = f" WhatsApp said: {event.change.reason}" if event.change.reason else ""
    reason = f"WhatsApp did not deliver it, as outside a 24-hour window: the template {columns['template']} is sent"
    return Fallback(columns, f"{reason} instead.{said}")
