"""Why messages do not go on: those that wait, are being sent, are uncertain or failed, grouped by reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from functools import reduce
from itertools import groupby
from typing import Any, NamedTuple, Self, cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, case, func, literal, select, union_all
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from harkara.ledger.conditions import LEASED_STATES, SETTLED_STATES
from harkara.ledger.database import Database
from harkara.ledger.halts import PRODUCER, Halt, active_halts
from harkara.ledger.messages.listing import found_by_index, found_open, ids_of_campaign, other_conditions
from harkara.ledger.messages.search import EVERY_MESSAGE, NEWEST_FIRST, MessageFilter
from harkara.ledger.tables import message
from harkara.message_groups import GroupedMessages, Hold, MessageGroup, describe
from harkara.states import State

MOST_EXPLAINED = 100_000
"""Messages that wait, and as many that are being sent, that are read; numbers of more are said as `412+`."""

MOST_ENDED = 1_000
"""Messages that failed, and uncertain ones, that are read, the newest ones: they only get more."""

_KINDS = (frozenset({State.WAITING}), LEASED_STATES, frozenset({State.UNCERTAIN}), frozenset({State.FAILED}))
"""The states of messages that have a reason; each kind has an index."""

_UTC = ZoneInfo("UTC")


def explain(
    db: Database,
    wanted: MessageFilter = EVERY_MESSAGE,
    zones: Mapping[str, ZoneInfo] | None = None,
    *,
    most: int = MOST_EXPLAINED,
    most_ended: int = MOST_ENDED,
) -> list[MessageGroup]:
    """Group the messages that match every filter by lane, state and reason; return the largest group first.

    At most `most` that wait and as many that are being sent are read, and of the uncertain and of the failed ones the
    newest `most_ended`. `zones` are the lanes' time zones, UTC without one. What is sent or cancelled is in no group.
    """
    states = set(wanted.states or State)
    kinds = {kind & states: most_ended if kind <= SETTLED_STATES else most for kind in _KINDS if kind & states}
    if not kinds:
        return []
    with db.read(snapshot=True) as tx:
        now, halts = tx.now, active_halts(tx)
        rows = tx.load(_Row.read, _grouped(wanted, kinds, now, ids_of_campaign(tx, wanted)))
    full = [kind for kind, read in kinds.items() if sum(row.number for row in rows if row.state in kind) > read]
    groups = [
        describe(each, now, (zones or {}).get(each.lane, _UTC), exact=not any(each.state in kind for kind in full))
        for each in _merged(_reason(row, halts, now) for row in rows if row.lane)
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


def _grouped(
    wanted: MessageFilter, kinds: Mapping[frozenset[State], int], now: datetime, ids: Sequence[ColumnElement[bool]]
) -> CompoundSelect[Any]:
    """Group the messages of each kind, at most so many of each: the cost does not grow with the ledger."""
    parts = (
        _ended(kind, wanted, most, ids) if kind <= SETTLED_STATES else _open(kind, wanted, most, now)
        for kind, most in kinds.items()
    )
    return union_all(*(_groups(each.subquery().c) for each in parts))


def _open(kind: Set[State], wanted: MessageFilter, most: int, now: datetime) -> Select[Any]:
    """Select messages that wait or are being sent, each with the key of its group."""
    moment = message.c.due_at if kind == {State.WAITING} else message.c.changed_at
    key = _key_of(message.c, _holds(kind, now))
    columns = key.label("key"), moment.label("moment"), message.c.reason, message.c.resend_at
    return select(*columns).where(*found_open(wanted, kind)).limit(most + 1)


def _ended(kind: Set[State], wanted: MessageFilter, most: int, ids: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Select the same of the newest messages of one state. Those that do not match have a key without a lane."""
    names = (
        "id",
        "lane",
        "state",
        "producer",
        "campaign_id",
        "code",
        "changed_at",
        "reason",
        "resend_at",
        "created_at",
    )
    newest = (
        select(*(message.c[name] for name in names)).where(*found_by_index(wanted, kind, ids)).order_by(NEWEST_FIRST)
    )
    read = newest.limit(most + 1).subquery().c
    key = _key_of(read, [literal("")] * 3)
    if others := other_conditions(wanted, kind, read):
        key = case((and_(*others), key), else_="/" + read.state + "////")
    return select(key.label("key"), read.changed_at.label("moment"), read.reason, read.resend_at)


def _key_of(of: ReadOnlyColumnCollection[str, Any], holds: Sequence[ColumnElement[str]]) -> ColumnElement[str]:
    """Return the key of a message's group.

    It is one text, since SQLite sorts the rows to group them: six columns take it a third more time.
    """
    parts = (of.lane, of.state, *holds, func.coalesce(of.code, ""))
    return reduce(lambda text, part: text + "/" + part, parts)  # only a code may have a slash, and it is the last


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
