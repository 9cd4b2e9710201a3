"""History: delete settled messages for good, long after their texts and numbers were erased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select

from harkara.ledger.campaigns.deleted_messages import DoneMessage, add_deleted
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.messages.erased_number import KEPT
from harkara.ledger.messages.search import id_at
from harkara.ledger.slices import Slice, next_slice, within
from harkara.ledger.tables import alias, attempt, campaign, message, occasion, replaced_post, trace, turn
from harkara.ledger.transaction import Transaction
from harkara.states import DONE

MAX_ROWS: Final = 500
"""Messages that one transaction deletes at most. On SQLite, all other writers wait for it meanwhile."""

OWNED: Final = {
    "attempt": attempt.c.message_id,
    "trace": trace.c.message_id,
    "alias": alias.c.message_id,
    "replaced_post": replaced_post.c.message_id,
}
"""The tables whose rows are part of a message, with its id in them.

The others stay: charges, which are the accounts and which the audit compares with the sums of their days; occasions,
whose references and versions refuse an old update; consent, contacts and acts, which are proofs. Callbacks and events
have a retention of their own, which is over by then.
"""

Numbers = Counter[str]
"""Numbers of rows by table."""


@dataclass(frozen=True, slots=True)
class OldMessages:
    """What is older than the history: what a deletion deletes, by table, and the messages that it leaves."""

    deletable: Numbers
    kept: int


def delete_history(db: Database, history_seconds: float) -> Iterator[Numbers]:
    """Delete what has not changed for so long, in batches; yield the number of rows after each one, which may be zero.

    Each batch is a transaction. A caller may stop after any of them, and two may run at once. Raises Unavailable.

    A message goes with its attempts, its trace and its other ids when it is done, past its deadline, and part of
    nothing that is still open: its campaign is over and measured, its occasion is as long ago. The last POST of a lane
    stays: by it a ledger that was restored from a backup is recognized. A turn of the assistant goes after its message.
    """
    for delete_slice, key in ((_delete_messages, message.c.id), (_delete_turns, turn.c.id)):
        after: str | None = ""
        while after is not None:
            with db.read() as tx:
                part = next_slice(tx, (key,), (after,), MAX_ROWS)
            numbers, ended = delete_slice(db, part, timedelta(seconds=history_seconds))
            yield +numbers
            after = None if ended or part.last is None else part.last[0]


def find_history(
    db: Database, history_seconds: float, progress: Callable[[int], object] = lambda read: None
) -> OldMessages:
    """Count what `delete_history` would delete now, without any change; `progress` gets the messages read so far.

    Raises Unavailable.
    """
    found, kept, after, read = Numbers(), 0, "", 0
    while True:
        with db.read() as tx:
            long_ago = tx.now - timedelta(seconds=history_seconds)
            part = next_slice(tx, (message.c.id,), (after,), MAX_ROWS)
            old = _in_slice(message.c.id, part, id_at(long_ago))
            ids = [each.id for each in _deletable(tx, _done(tx, old, part, long_ago), long_ago)]
            number = tx.execute(select(func.count()).where(*old), part.values()).scalar_one()
            found += _count(tx, ids)
        kept, read = kept + number - len(ids), read + number
        progress(read)
        if _ends(part, id_at(long_ago)):
            return OldMessages(+found, kept)
        after = part.last[0] if part.last else ""


def oldest_message(db: Database) -> datetime | None:
    """Return when the oldest message was accepted, None without messages. Raises Unavailable."""
    with db.read() as tx:
        found: datetime | None = tx.execute(select(message.c.created_at).order_by(message.c.id).limit(1)).scalar()
        return found


_DONE = [KEPT[name].label(name) if name in KEPT else message.c[name] for name in DoneMessage._fields]


def _delete_messages(db: Database, part: Slice, history: timedelta) -> tuple[Numbers, bool]:
    with db.read() as tx:  # the common case writes nothing
        end = id_at(tx.now - history)
        old = _in_slice(message.c.id, part, end)
        if not _deletable(tx, _done(tx, old, part, tx.now - history), tx.now - history):
            return Numbers(), _ends(part, end)
    with db.write() as tx:
        long_ago = tx.now - history
        rows = _deletable(tx, _done(tx, old, part, long_ago, lock=True), long_ago)
        ids = [each.id for each in rows]
        deleted = Numbers({name: _delete(tx, column, ids) for name, column in OWNED.items()})
        add_deleted(tx, rows)
        deleted["message"] = _delete(tx, message.c.id, ids)
    return deleted, _ends(part, end)


def _delete_turns(db: Database, part: Slice, history: timedelta) -> tuple[Numbers, bool]:
    with db.read() as tx:
        end = id_at(tx.now - history, "turn")
        old = (*_in_slice(turn.c.id, part, end), turn.c.at <= tx.now - history)
        answered = exists().where(message.c.id == turn.c.message_id)
        ids = tx.execute(select(turn.c.id).where(*old, ~answered), part.values()).scalars().all()
    if not ids:
        return Numbers(), _ends(part, end)
    with db.write() as tx:
        return Numbers(turn=_delete(tx, turn.c.id, ids)), _ends(part, end)


def _in_slice(key: ColumnElement[str], part: Slice, end: str) -> list[ColumnElement[bool]]:
    """Match the rows of the slice whose id is of an earlier time: ids begin with their time."""
    return [*within((key,), ends=part.last is not None), key < end]


def _ends(part: Slice, end: str) -> bool:
    return part.last is None or part.last[0] >= end


def _done(
    tx: Transaction, old: Sequence[ColumnElement[bool]], part: Slice, long_ago: datetime, *, lock: bool = False
) -> list[DoneMessage]:
    """Return the done messages of the slice that have not changed since, without those that another writer locks."""
    unchanged = (message.c.changed_at <= long_ago, message.c.created_at <= long_ago, message.c.expires_at <= tx.now)
    query: Select[Any] = select(*_DONE).where(*old, in_state(*DONE), *unchanged).order_by(message.c.id)
    found = tx.execute(query.with_for_update(skip_locked=True) if lock else query, part.values())
    return [DoneMessage(*row) for row in found]


def _deletable(tx: Transaction, rows: Sequence[DoneMessage], long_ago: datetime) -> list[DoneMessage]:
    """Return the messages that nothing needs any more. What may need them is looked up by its ids."""
    campaigns = _open_campaigns(tx, {each.campaign_id for each in rows if each.campaign_id}, long_ago)
    occasions = _recent_occasions(tx, {each.occasion_id for each in rows if each.occasion_id}, long_ago)
    last_posts = _last_posts(tx, {each.lane for each in rows})
    return [
        each
        for each in rows
        if each.campaign_id not in campaigns and each.occasion_id not in occasions and each.id not in last_posts
    ]


def _open_campaigns(tx: Transaction, ids: set[str], long_ago: datetime) -> set[str]:
    """Return those that are not over for so long, or whose effect is still to be measured."""
    if not ids:
        return set()
    measured = or_(campaign.c.answer_days.is_(None), campaign.c.effect.is_not(None), campaign.c.started_at.is_(None))
    over = select(campaign.c.id).where(campaign.c.id.in_(ids), campaign.c.finished_at <= long_ago, measured)
    return ids - set(tx.execute(over).scalars())


def _recent_occasions(tx: Transaction, ids: set[str], long_ago: datetime) -> set[str]:
    """Return those that may get another reminder by an update or new rules: each rule has one for a time."""
    if not ids:
        return set()
    recent = or_(occasion.c.at > long_ago, occasion.c.follow_up_until > long_ago)
    return set(tx.execute(select(occasion.c.id).where(occasion.c.id.in_(ids), recent)).scalars())


def _last_posts(tx: Transaction, lanes: set[str]) -> set[str]:
    newest = select(attempt.c.message_id).order_by(attempt.c.started_at.desc()).limit(1)
    found = (tx.execute(newest.where(attempt.c.lane == lane)).scalar() for lane in sorted(lanes))
    return {each for each in found if each}


def _delete(tx: Transaction, column: ColumnElement[Any], ids: Sequence[str]) -> int:
    return tx.execute(delete(column.table).where(column.in_(ids))).rowcount if ids else 0


def _count(tx: Transaction, ids: Sequence[str]) -> Numbers:
    found = Numbers({"message": len(ids)})
    for name, column in OWNED.items() if ids else ():
        found[name] = int(tx.execute(select(func.count()).where(column.in_(ids))).scalar_one())
    return found
