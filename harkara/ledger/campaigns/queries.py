"""Looks at campaigns: how far each is, what became of each row, and what a rehearsal has to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, false, func, select

from harkara.inbound.window import LENGTH
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database, Row
from harkara.ledger.tables import campaign, contact, message
from harkara.states import State

_PAGE = 1000
_PREFIX = 7
"""Digits of a number by which it has its price."""

_MOST_OTHERS = 100_000

_TOLD = (State.UNCERTAIN, State.FAILED, State.CANCELLED)
"""States that have a code which tells why."""


def listing(db: Database) -> list[dict[str, Any]]:
    """All campaigns, newest first, each as `shown`."""
    with db.read() as tx:
        return [shown(row) for row in tx.rows(select(campaign).order_by(campaign.c.id.desc()))]


def shown(row: Row) -> dict[str, Any]:
    """A campaign as the outside sees it: times as ISO 8601."""
    return {name: _iso(value) if isinstance(value, datetime) else value for name, value in row.items()}


def progress(db: Database, identity: str) -> dict[str, Any]:
    """The campaign with its messages by state, and by code those that went wrong."""
    with db.read(snapshot=True) as tx:
        found = tx.rows(select(campaign).where(campaign.c.id == identity))[0]
        mine = message.c.campaign_id == identity
        number = func.count().label("number")
        states = tx.execute(select(message.c.state, number).where(mine).group_by(message.c.state))
        by_state = {row.state: row.number for row in states}
        codes = select(message.c.code, number).where(mine, in_state(*_TOLD)).group_by(message.c.code)
        by_code = {row.code or "unknown": row.number for row in tx.execute(codes.order_by(number.desc()))}
    return shown(found) | {"by_state": by_state, "by_code": by_code}


def report(db: Database, identity: str, *, numbers: bool) -> Iterator[dict[str, Any]]:
    """What became of each recipient, in the order of the file; one that was erased has no number any more."""
    columns = [message.c[name] for name in ("position", "state", "code", "reason", "job_id", "id")]
    if numbers:
        columns.insert(1, message.c.recipient)
    query = select(*columns).where(message.c.campaign_id == identity).order_by(message.c.position)
    with db.read(snapshot=True) as tx:
        for row in tx.execute(query.execution_options(yield_per=_PAGE)).mappings():
            yield {"row" if name == "position" else name: value for name, value in row.items()}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the ledger knows about the way before a campaign."""

    messages: int
    """Still to be sent."""
    opted_out: int
    """Of them to people who want none by now."""
    by_prefix: Counter[str]
    """The others by the first digits of their numbers, as far as a price can depend on them."""
    in_window: Counter[str]
    """Of these the ones to people whose 24-hour window is open."""
    others: list[datetime]
    """When the lane's other messages fall due, of no campaign."""


def outlook(db: Database, found: Row, at: datetime) -> Outlook:
    """`at` is when it would start: whose window is open then has written by now."""
    mine = (message.c.campaign_id == found["id"], in_state(State.WAITING, State.QUEUED, State.CLAIMED))
    prefix = func.substr(message.c.recipient, 1, _PREFIX)
    person = and_(contact.c.lane == message.c.lane, contact.c.recipient == message.c.recipient)
    unwanted = func.coalesce(contact.c.stopped.in_(("everything", found["category"])), false())
    opens = func.coalesce(contact.c.wrote_at > at - LENGTH, false())
    people = select(prefix, unwanted, opens, func.count()).join(contact, person, isouter=True).where(*mine)
    others = select(message.c.due_at).where(
        message.c.lane == found["lane"], in_state(State.WAITING), message.c.campaign_id.is_(None)
    )
    with db.read(snapshot=True) as tx:
        counted = tx.execute(people.group_by(prefix, unwanted, opens)).all()
        due = list(tx.execute(others.order_by(message.c.due_at).limit(_MOST_OTHERS)).scalars())
    by_prefix, in_window, opted_out = Counter[str](), Counter[str](), 0
    for digits, no_more, open_window, number in counted:
        if no_more:
            opted_out += number
            continue
        by_prefix[digits] += number
        in_window[digits] += number if open_window else 0
    return Outlook(by_prefix.total() + opted_out, opted_out, by_prefix, in_window, due)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
