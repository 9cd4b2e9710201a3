"""Acts on all messages that fit a filter: a preview names exactly the set, and the act is done on that set alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, or_, select, union_all

from harkara.errors import Conflict, Invalid
from harkara.ledger.batch_size import MAX_ROWS
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.messages.commands import OPEN, cancel_messages, decide
from harkara.ledger.messages.search import NEWEST_FIRST, MessageFilter, matching
from harkara.ledger.messages.send_again import REPEATABLE, send_again
from harkara.ledger.messages.summary import summary
from harkara.ledger.tables import message
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.message_selection import Act, Progress, SelectionPreview
from harkara.states import Action, State, allowed_from

LARGEST_SET = 200_000
"""Messages in one act. The versions of a set are in memory, some 60 MB for this many."""

EXAMPLES = 10

KINDS: Mapping[Act, str] = {
    "cancel": "messages.cancelled",
    "resend": "messages.resent",
    "sent": "messages.noted",
    "drop": "messages.dropped",
}
"""The kind of each act in the log of acts."""

_CONCERNED: Mapping[Act, ColumnElement[bool]] = {
    "cancel": in_state(*allowed_from(State.CANCELLED, by=Action.CANCEL)),
    "resend": or_(and_(OPEN, message.c.body.is_not(None)), REPEATABLE),
    "sent": OPEN,
    "drop": OPEN,
}
"""The messages for which an act is possible."""

_UNDECIDED = frozenset({State.UNCERTAIN, State.WAITING})
_STATES: Mapping[Act, frozenset[State]] = {
    "cancel": frozenset(allowed_from(State.CANCELLED, by=Action.CANCEL)),
    "resend": _UNDECIDED | {State.FAILED},
    "sent": _UNDECIDED,
    "drop": _UNDECIDED,
}
"""Their states. Each is searched alone, since none of the indexes covers several states."""


class Version(NamedTuple):
    """A message as a preview saw it: every change of its state changes one of these."""

    id: str
    state: str
    epoch: int
    changed_at: datetime
    lane: str
    category: str
    template: str | None


_COMPARED = {"id": "text", "state": "text", "epoch": "integer", "changed_at": "timestamptz"}
_LOCK = """
SELECT message.id FROM {each} JOIN message ON message.id = each.id
WHERE message.state = each.state AND message.epoch = each.epoch AND message.changed_at = each.changed_at
ORDER BY message.id {skip_locked}
"""


def preview(db: Database, wanted: MessageFilter, act: Act) -> SelectionPreview:
    """Return what an act on all messages that fit the filter would concern, with the token that does it.

    Raises Invalid for an empty filter, and for more than LARGEST_SET messages.
    """
    with db.read(snapshot=True) as tx:
        versions = _select(tx, wanted, act)
        ids = [each.id for each in versions[:EXAMPLES]]
        rows = {row["id"]: row for row in tx.rows(select(message).where(message.c.id.in_(ids)))}
    return SelectionPreview(
        act=act,
        count=len(versions),
        lanes=dict(Counter(each.lane for each in versions)),
        templates=dict(Counter(each.category for each in versions if each.template)),
        examples=tuple(summary(rows[identity]) for identity in ids),
        token=_token(act, versions),
    )


def perform(
    db: Database, wanted: MessageFilter, act: Act, token: str, by: Actor, *, deadlines: Mapping[str, float]
) -> Iterator[Progress]:
    """Do the act on exactly the set of the preview, in batches; yield the progress after each one.

    A message that changes meanwhile is left alone, so two operators never double an act. What a batch has done stays
    done: if this ends early, a new preview shows the rest. The first batch writes the entry in the log of acts, with
    the number of the whole set. `deadlines` are those of new messages, by category.
    Raises Conflict if the set is not that of the token any more, before anything is done.
    """
    with db.read(snapshot=True) as tx:
        versions = _select(tx, wanted, act)
    _check(token, act, versions)
    done = left = 0
    for start in range(0, len(versions), MAX_ROWS):
        batch = versions[start : start + MAX_ROWS]
        with db.write() as tx:
            if start == 0:
                record_act(tx, by, KINDS[act], wanted.id or "", filter=str(wanted), number=len(versions))
            changed = _act(tx, act, _unchanged(tx, batch), by.name, deadlines)
        done, left = done + changed, left + len(batch) - changed
        yield Progress(done=done, left=left, total=len(versions))


def _select(tx: Transaction, wanted: MessageFilter, act: Act) -> list[Version]:
    if wanted.is_empty:
        raise Invalid("filter", "is empty, so it would concern every message: give at least one")
    states = sorted(_STATES[act] & set(wanted.states or State))
    if not states:
        return []
    each = (replace(wanted, states=(state,)) for state in states)
    found_in = [matching(one, _CONCERNED[act], limit=LARGEST_SET + 1, ordered=False).subquery() for one in each]
    ids = union_all(*(select(part.c.id) for part in found_in))
    query = _versions().where(message.c.id.in_(ids)).order_by(NEWEST_FIRST)
    found = tx.load(Version, query.limit(LARGEST_SET + 1))
    if len(found) > LARGEST_SET:
        raise Invalid("filter", f"fits more than {LARGEST_SET:,} messages: narrow it, for example by time")
    return found


def _versions() -> Select[tuple[object, ...]]:
    return select(*(message.c[name] for name in Version._fields))


def _token(act: Act, versions: Sequence[Version]) -> str:
    """Return the number of messages and the digest of the act and of all their versions."""
    digest = blake2b(act.encode(), digest_size=16)
    for each in versions:
        digest.update(f"\n{each.id} {each.state} {each.epoch} {each.changed_at.isoformat()}".encode())
    return f"{len(versions)}-{digest.hexdigest()}"


def _check(token: str, act: Act, versions: Sequence[Version]) -> None:
    if token == _token(act, versions):
        return
    before = token.partition("-")[0]
    was = f"of the preview had {int(before):,}" if before.isdecimal() and len(before) < 9 else "was another"
    raise Conflict(
        f"nothing was done, since the set has changed: {len(versions):,} messages fit now, and the set {was}. "
        "Preview again. If the messages are being sent, park the lane or pause the campaign first."
    )


def _unchanged(tx: Transaction, batch: Sequence[Version]) -> list[Version]:
    """Lock the messages of a batch, and return those that are still as the preview saw them.

    One that another transaction has locked is being changed.
    """
    seen = {each.id: each for each in batch}
    rows = [{name: getattr(each, name) for name in _COMPARED} for each in batch]
    return [seen[identity] for (identity,) in tx.execute_each(_LOCK, _COMPARED, rows)]


def _act(tx: Transaction, act: Act, versions: Sequence[Version], by: str, deadlines: Mapping[str, float]) -> int:
    """Do it for locked messages; return how many changed."""
    ids = [each.id for each in versions]
    if act == "cancel":
        return len(cancel_messages(tx, ids, "cancelled", f"cancelled by {by}"))
    failed = [each.id for each in versions if each.state == State.FAILED]
    decided = decide(tx, sorted(set(ids) - set(failed)), act, by)
    return len(decided) + len(send_again(tx, failed, by, deadlines))
