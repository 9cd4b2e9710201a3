"""Measures the effect of campaigns on answers: counted while the days run, and written when they are over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, select, update

from harkara.campaigns.effect import CampaignEffect, measure
from harkara.campaigns.steps import HELD_OUT
from harkara.errors import NotFound
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign, contact, message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import State

_COLUMNS = (campaign.c.id, campaign.c.started_at, campaign.c.answer_days, campaign.c.effect)
_OPEN = (campaign.c.answer_days.is_not(None), campaign.c.effect.is_(None), campaign.c.started_at.is_not(None))


def get_effect(db: Database, identity: str) -> CampaignEffect:
    """Return the effect of the campaign so far, at the end of its days, or before its first number was erased.

    Raises NotFound for a campaign that holds no recipient out, or was not started.
    """
    with db.read(snapshot=True) as tx:
        rows = tx.rows(select(*_COLUMNS).where(campaign.c.id == identity))
        found = effect_of(tx, rows[0]) if rows else None
    if found is None:
        raise NotFound("the campaign holds no recipient out, or was not started: there is no effect to measure")
    return found


def effect_of(tx: Transaction, row: Row) -> CampaignEffect | None:
    """Return the effect of a campaign, given with its columns; None for one that has none, as in `get_effect`."""
    if row["answer_days"] is None or row["started_at"] is None:
        return None
    if row["effect"] is None:
        return _measure(tx, row["id"], row["started_at"], row["answer_days"], final=False)
    fields = json.loads(row["effect"])
    return CampaignEffect(**fields | {"since": row["started_at"]})


def record_effects(db: Database) -> int:
    """Write the effects of the campaigns whose days are over; return their number.

    A contact has only its last message: afterwards it would not be known who had written within the days.
    """
    number = 0
    with db.read() as tx:
        rows = [row for row in tx.execute(select(*_COLUMNS).where(*_OPEN)) if _end(row) <= tx.now]
    for row in rows:
        with db.read(snapshot=True) as tx:
            found = _measure(tx, row.id, row.started_at, row.answer_days, final=True)
        with db.write() as tx:
            number += _write(tx, row.id, found)
    return number


def fix_effects(tx: Transaction, erasable: Sequence[ColumnElement[bool]]) -> None:
    """Write the effects of the campaigns with a message that meets these conditions: its number is about to be erased.

    Afterwards it would not be known who had written. An effect whose days are not over is not final.
    """
    for row in tx.execute(select(*_COLUMNS).where(*_OPEN)).all():
        mine = select(message.c.id).where(message.c.campaign_id == row.id, *erasable).limit(1)
        if tx.execute(mine).first():
            final = _end(row) <= tx.now
            _write(tx, row.id, _measure(tx, row.id, row.started_at, row.answer_days, final=final))


def _write(tx: Transaction, identity: str, found: CampaignEffect) -> int:
    mine = (campaign.c.id == identity, campaign.c.effect.is_(None))
    return tx.execute(update(campaign).where(*mine).values(effect=json.dumps(dict(found)))).rowcount


def _end(row: object) -> datetime:
    started_at, days = row.started_at, row.answer_days  # type: ignore[attr-defined]
    end: datetime = started_at + timedelta(days=days)
    return end


def _measure(tx: Transaction, identity: str, since: datetime, days: int, *, final: bool) -> CampaignEffect:
    held_out = and_(in_state(State.CANCELLED), message.c.code == HELD_OUT)
    same = and_(contact.c.lane == message.c.lane, contact.c.recipient == message.c.recipient)
    group = case((held_out, 1), else_=0).label("held_out")
    wrote = func.coalesce(func.sum(case((contact.c.wrote_at >= since, 1), else_=0)), 0)
    mine = (message.c.campaign_id == identity, message.c.recipient.is_not(None))
    query = select(group, func.count(), wrote).select_from(message).join(contact, same, isouter=True).where(*mine)
    found = {each: (int(number), int(answers)) for each, number, answers in tx.execute(query.group_by(group))}
    return measure(since, days, found.get(0, (0, 0)), found.get(1, (0, 0)), final=final)
