"""Why messages do not go on: those that wait, are being sent, are uncertain or failed, grouped by reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import replace
from datetime import datetime
from functools import reduce
from itertools import groupby
from typing import Any, NamedTuple, Self, cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, CompoundSelect, Select, case, func, literal, select, union_all
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from harkara.ledger.conditions import LEASED_STATES
from harkara.ledger.database import Database
from harkara.ledger.halts import PRODUCER, Halt, active_halts
from harkara.ledger.messages.search import EVERY_MESSAGE, MessageFilter, is_in
from harkara.ledger.tables import message
from harkara.message_groups import GroupedMessages, Hold, MessageGroup, describe
from harkara.states import State

MOST_EXPLAINED = 100_000
"""Messages of one kind (waiting, leased, uncertain, failed) that are read; numbers of more are said as `412+`."""

_KINDS = ({State.WAITING}, LEASED_STATES, {State.UNCERTAIN}, {State.FAILED})
"""The states of messages that have a reason; each kind has an index."""

_UTC = ZoneInfo("UTC")


def explain(
    db: Database,
    wanted: MessageFilter = EVERY_MESSAGE,
    zones: Mapping[str, ZoneInfo] | None = None,
    *,
    most: int = MOST_EXPLAINED,
) -> list[MessageGroup]:
    """Group the messages that match every filter by lane, state and reason; return the largest group first.

    `zones` are the lanes' time zones, UTC without one. What is sent or cancelled is in no group.
    """
    states = set(wanted.states or State)
    kinds = [kind & states for kind in _KINDS if kind & states]
    if not kinds:
        return []
    with db.read(snapshot=True) as tx:
        now, halts = tx.now, active_halts(tx)
        rows = tx.load(_Row.read, _grouped(wanted, kinds, most, now))
    full = [kind for kind in kinds if sum(row.number for row in rows if row.state in kind) > most]
    groups = [
        describe(each, now, (zones or {}).get(each.lane, _UTC), exact=not any(each.state in kind for kind in full))
        for each in _merged(_reason(row, halts, now) for row in rows)
    ]
    return sorted(groups, key=lambda group: -group.number)


class _Row(NamedTuple):
    """A group as the database returns it: what its messages have in common, and their number."""

    lane: str
    state: State
    producer: str
    template: str | None
    phase: str | None
    code: str | None
    number: int
    first: datetime
    last: datetime
    reason: str | None
    resend_at: datetime | None

    @classmethod
    def read(
        cls, key: str, number: int, first: datetime, last: datetime, reason: str | None, resend_at: datetime | None
    ) -> Self:
        lane, state, producer, template, phase, code = key.split("/", 5)
        common = lane, State(state), producer, template or None, phase or None, code or None
        return cls(*common, number, first, last, reason, resend_at)


def _grouped(wanted: MessageFilter, kinds: Collection[Set[State]], most: int, now: datetime) -> CompoundSelect[Any]:
    """Group the messages of each kind, at most so many of each: the cost does not grow with the ledger."""
    read = (_read(kind, now).where(*wanted.conditions(), is_in(kind)).limit(most + 1) for kind in kinds)
    return union_all(*(_groups(each.subquery().c) for each in read))


def _read(kind: Set[State], now: datetime) -> Select[Any]:
    """Select the messages of one kind, each with the key of its group.

    A key is one text, since SQLite sorts the rows to group them: six columns take it a third more time.
    """
    moment = message.c.due_at if kind == {State.WAITING} else message.c.changed_at
    parts = (message.c.lane, message.c.state, *_holds(kind, now), func.coalesce(message.c.code, ""))
    key = reduce(lambda text, part: text + "/" + part, parts)  # only a code may have a slash, and it is the last
    return select(key.label("key"), moment.label("moment"), message.c.reason, message.c.resend_at)


def _holds(kind: Set[State], now: datetime) -> tuple[ColumnElement[str], ...]:
    """Return producer, template and phase: only what waits is held by one of them."""
    if kind != {State.WAITING}:
        return (literal(""), literal(""), literal(""))
    phase = case(
        (message.c.due_at >= message.c.expires_at, "decision"),  # a parked message is due at its deadline
        (message.c.due_at > now, "later"),
        else_="due",
    )
    return message.c.producer, func.coalesce(message.c.template, ""), phase


def _groups(each: ReadOnlyColumnCollection[str, Any]) -> Select[Any]:
    read = (func.count(), func.min(each.moment), func.max(each.moment), func.min(each.reason), func.min(each.resend_at))
    return select(each.key, *read).group_by(each.key)


def _reason(row: _Row, halts: Iterable[Halt], now: datetime) -> GroupedMessages:
    state, phase = row.state, cast(Hold | None, row.phase)
    plain = GroupedMessages(
        lane=row.lane,
        state=State.SENDING if state in LEASED_STATES else state,
        code=None if state in LEASED_STATES else row.code,
        hold="leased" if state in LEASED_STATES else phase,
        subject=None,
        number=row.number,
        first=row.first,
        last=row.last,
        reason=row.reason,
        resend_at=row.resend_at,
    )
    held = _halt(row, halts) if state == State.WAITING else None
    if held is None:
        return plain
    scope = cast(Hold, held.scope)
    return replace(
        plain, hold=scope, subject=held.subject or None, code=held.code, halt=held.reason, until=held.until(now)
    )


def _halt(row: _Row, halts: Iterable[Halt]) -> Halt | None:
    """Return what holds these messages: the halt of their lane, else of their template, else of their producer."""
    subjects = {"lane": "", "template": row.template, PRODUCER: row.producer}
    holding = [
        each
        for each in halts
        if each.lane == row.lane and not each.probing and subjects.get(each.scope) == each.subject
    ]
    return min(holding, key=lambda each: list(subjects).index(each.scope), default=None)


def _key(group: GroupedMessages) -> tuple[str, ...]:
    return (group.lane, group.state, group.code or "", group.hold or "", group.subject or "")


def _merged(groups: Iterable[GroupedMessages]) -> Iterable[GroupedMessages]:
    """Add up the groups that differ only in a template or producer that holds nothing."""
    for _, same in groupby(sorted(groups, key=_key), key=_key):
        first, *more = same
        for each in more:
            first = first.with_more(each)
        yield first
