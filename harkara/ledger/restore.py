"""Restore: what a ledger needs that lacks POSTs, after a restore or a failover, so that no message is sent twice
unnoticed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.halts import BUDGET, RESTORED, RESUMED, TO_RECOVER, active_halts, add_halt, park
from harkara.ledger.messages.next_state import uncertain_columns
from harkara.ledger.messages.trace import change_state
from harkara.ledger.tables import attempt, message
from harkara.ledger.transaction import Transaction
from harkara.outcomes import Pause, Uncertain
from harkara.playbook import WINDOW_CLOSED
from harkara.states import Action, State, allowed_from

LACKS_POSTS: Final = (
    "The ledger lacks POSTs that this lane has made: a backup was restored, or a failover has lost commits. Stop the "
    "workers and run `harkara recover`, which finds the messages that may have been sent."
)
_TO_DECIDE: Final = (
    "The ledger lacked POSTs, says {}: decide about the uncertain messages, save again what the applications changed "
    "since, then run `harkara lanes unpark`."
)
_MAYBE_SENT: Final = Uncertain(
    RESTORED,
    "The ledger lacked POSTs, after a restore or a failover, and this message was due by then: it may have been sent. "
    "Ask whether the recipient has it, then decide with `harkara resolve`.",
    None,
)
_UNSENT: Final = in_state(*allowed_from(State.UNCERTAIN, by=Action.RESTORE))

_POSTPONED: Final = ("worker-trouble", "late", "limiter-unavailable", "lane-limit", "pair-limit")
"""Codes of messages that were due, and wait for a slot or a worker: it may have sent them before the ledger lost that,
and have postponed them afterwards.
"""

_BROUGHT_FORWARD: Final = (*RESUMED, BUDGET, WINDOW_CLOSED)
"""Codes of messages that an operator, a budget or a webhook may have made due, before the ledger lost that."""

_DERIVED_LATE: Final = and_(message.c.occasion_id.is_not(None), message.c.due_at <= message.c.created_at)
"""Reminders that were due when they were made: an application that saves its occasion after the ledger lost POSTs may
have replaced one that was sent and seemed unsent.
"""

_IS_DUE_ANYHOW: Final = or_(
    func.coalesce(message.c.code, "").in_((*_BROUGHT_FORWARD, *_POSTPONED)),
    message.c.due_at >= message.c.expires_at,
    _DERIVED_LATE,
)


def latest_posts(db: Database, lanes: Collection[str]) -> dict[str, datetime]:
    """Return when the last POST of each lane began, without the lanes that have none. Raises Unavailable."""
    rows = [{"lane": lane} for lane in sorted(lanes)]
    with db.read() as tx:
        found = tx.execute_each(_LATEST_POSTS, {"lane": "text"}, rows, returning=_LANE_AND_TIME)
        return {lane: at for lane, at in found if at}


def park_restored(db: Database, lanes: Sequence[str]) -> list[str]:
    """Park the lanes until `settle_restored`; return those that were not parked for this. Raises Unavailable."""
    with db.write() as tx:
        waiting = lanes_to_recover(tx)
        fresh = [lane for lane in lanes if lane not in waiting]
        for lane in fresh:
            add_halt(tx, lane, Pause("lane", None, RESTORED, LACKS_POSTS))
    return fresh


def lanes_to_recover(tx: Transaction) -> set[str]:
    """Return the lanes that are parked until `settle_restored`."""
    return {halt.lane for halt in active_halts(tx) if halt.scope == "lane" and halt.code in TO_RECOVER}


def may_have_been_sent(until: datetime) -> ColumnElement[bool]:
    """Return a condition on messages that the ledger shows as unsent, and of which the last was sent at `until`.

    One that was due later has not been sent, unless it was brought forward, a worker has postponed it, or it is a
    reminder that replaces an earlier one.
    """
    return and_(_UNSENT, or_(message.c.due_at <= until, _IS_DUE_ANYHOW))


def not_sent_since(until: datetime, now: datetime) -> ColumnElement[bool]:
    """Return the condition of the other messages that are due now: they are sent when their lane is unparked."""
    return and_(_UNSENT, message.c.due_at > until, message.c.due_at <= now, not_(_IS_DUE_ANYHOW))


def settle_restored(db: Database, lanes: Collection[str], by: str, sent_until: datetime | None = None) -> int:
    """Park the lanes for an operator, and mark what `may_have_been_sent` as uncertain; return how many messages.

    One that was `sending` is marked by the sweep. No worker may run meanwhile. Raises Unavailable; a repeated call
    continues.
    """
    for lane in sorted(lanes):
        park(db, lane, _TO_DECIDE.format(by))
    marked = 0
    while changed := _mark_due(db, sent_until):
        marked += changed
    return marked


# One probe of the index for each lane: a GROUP BY would read the whole history.
_LATEST_POSTS = """
SELECT each.lane, (
    SELECT started_at FROM attempt WHERE attempt.lane = each.lane ORDER BY started_at DESC LIMIT 1
) AS started_at
FROM {each}
"""
_LANE_AND_TIME = (attempt.c.lane, attempt.c.started_at)


def _mark_due(db: Database, sent_until: datetime | None) -> int:
    with db.write() as tx:
        due = select(message.c.id).where(may_have_been_sent(sent_until or tx.now))
        return change_state(tx, State.UNCERTAIN, due, uncertain_columns(_MAYBE_SENT, tx.now))
