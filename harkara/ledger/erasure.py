"""Retention: erase the personal data of old messages and occasions."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select, text, update

from harkara.ledger.batch_size import MAX_ROWS
from harkara.ledger.campaigns.effects import fix_effects
from harkara.ledger.conditions import in_state
from harkara.ledger.locked_batch import lock_batch
from harkara.ledger.messages.erased_number import KEPT
from harkara.ledger.messages.otp_limit import HOUR_SECONDS
from harkara.ledger.tables import message, occasion, turn
from harkara.ledger.transaction import Row, Transaction
from harkara.states import DONE, UNSENT, State

# An uncertain message without a decision stays visible, but without text and number.
_ERASABLE = in_state(*(state for state in State if state in DONE | {State.UNCERTAIN}))


def erase_messages(tx: Transaction, retention_seconds: float | None) -> int:
    """Erase the number and content of messages that were accepted so long ago; return how many.

    A one-time code keeps its number for an hour after its POST, since it counts for the limit of its recipient. Before
    a campaign loses a number, its effect is written as it is by then.
    """
    if retention_seconds is None:
        return 0
    old = (
        message.c.recipient.is_not(None),
        _ERASABLE,
        message.c.created_at <= tx.now - timedelta(seconds=retention_seconds),
        message.c.expires_at <= tx.now,
        _counts_no_more(tx.now - timedelta(seconds=HOUR_SECONDS)),
    )
    fix_effects(tx, old)
    erased: Row = {"body": None, "fallback": None, "recipient": None, "digest": None, "resend_at": None}
    return tx.execute(update(message).where(_unlocked(*old)).values(**erased | KEPT)).rowcount


def _counts_no_more(hour_ago: datetime) -> ColumnElement[bool]:
    """Match what is no one-time code of the last hour."""
    posted_at = message.c.posted_at
    return or_(message.c.category != "authentication", posted_at.is_(None), posted_at <= hour_ago)


def erase_turns(tx: Transaction, retention_seconds: float | None) -> int:
    """Erase the texts of turns that were proposed so long ago; return how many."""
    if retention_seconds is None:
        return 0
    old = select(turn.c.id).where(
        text("(content IS NOT NULL OR summary IS NOT NULL)"), turn.c.at <= tx.now - timedelta(seconds=retention_seconds)
    )
    erased: Row = {"content": None, "summary": None}
    return tx.execute(update(turn).where(turn.c.id.in_(old.limit(MAX_ROWS))).values(**erased)).rowcount


def erase_fallbacks(tx: Transaction) -> int:
    """Erase the fallback of accepted messages past their deadline, after which it is not sent; return how many."""
    late = (message.c.fallback.is_not(None), in_state(State.ACCEPTED, State.SENT), message.c.expires_at <= tx.now)
    return tx.execute(update(message).where(_unlocked(*late)).values(fallback=None)).rowcount


def erase_occasions(tx: Transaction, retention_seconds: float | None) -> int:
    """Erase the number and parameters of occasions that get no more reminders; return how many.

    A past occasion is erased at once if it was closed, and after `retention_seconds` otherwise; in both cases only when
    no reminder of it waits to be sent.
    """
    if retention_seconds is None:
        return 0
    past = select(occasion.c.id).where(
        occasion.c.recipient.is_not(None),
        occasion.c.at <= tx.now,
        or_(occasion.c.status != "open", occasion.c.at <= tx.now - timedelta(seconds=retention_seconds)),
        ~exists().where(message.c.occasion_id == occasion.c.id, in_state(*UNSENT)),
    )
    erased: Row = {"recipient": None, "parameters": None}
    # Locked: PostgreSQL would erase one that an application opens again at this moment, and its reminders would end.
    return tx.execute(
        update(occasion).where(occasion.c.id.in_(lock_batch(past.limit(MAX_ROWS)))).values(**erased)
    ).rowcount


def _unlocked(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Match a batch of these messages, without those that are locked: the next round erases these."""
    return message.c.id.in_(lock_batch(select(message.c.id).where(*which).limit(MAX_ROWS)))
