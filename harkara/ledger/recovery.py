"""Recovery: what to decide about each message after the ledger was restored from a backup, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, func, literal_column, or_, select

from harkara.inbound.events import StatusChanged
from harkara.json_record import iso_seconds
from harkara.lanes import Lane
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.events.candidate_messages import load_candidates
from harkara.ledger.events.recipients import status_events
from harkara.ledger.events.restored_messages import MAYBE_SENT
from harkara.ledger.events.store_events import Parse
from harkara.ledger.events.stored_event import RECEIVED, EventState, StoredEvent, select_events
from harkara.ledger.restore import may_have_been_sent, not_sent_since
from harkara.ledger.tables import event, message
from harkara.ledger.transaction import Transaction
from harkara.states import UNSENT, State

Decision = Literal["sent", "uncertain", "send"]
"""An event shows that it was sent; it may have been sent, and an operator decides; it was not sent, and is sent."""

MAX_EVENTS = 10_000
"""Events that one look compares; workers apply the others."""


class ProposedDecision(NamedTuple):
    """A message with what is proposed for it; `due_at` and the times in `why` are ISO 8601."""

    id: str
    lane: str
    state: str
    due_at: str
    decision: Decision
    why: str


@dataclass(frozen=True, slots=True)
class Proposals:
    """The number of messages by decision, and the first of them in the order of their due times."""

    numbers: Mapping[Decision, int]
    messages: list[ProposedDecision]


def propose(
    db: Database, lanes: Mapping[str, Lane], parse: Parse, sent_until: datetime | None = None, *, limit: int = 1000
) -> Proposals:
    """Propose a decision about every message that is uncertain, was being sent, or is due and seems unsent.

    No message was sent after `sent_until`, None for now. Stored events that no worker has applied yet are evidence.
    Nothing changes. Raises Unavailable.
    """
    with db.read() as tx:
        until = sent_until or tx.now
        doubtful = or_(in_state(State.UNCERTAIN, State.SENDING), may_have_been_sent(until))
        unsent = not_sent_since(until, tx.now)
        evidence = _evidence(tx, lanes, parse, doubtful, or_(MAYBE_SENT, may_have_been_sent(until)))
        in_doubt, safe = _rows(tx, doubtful, limit), _rows(tx, unsent, limit)
        numbers = _count(tx, doubtful), _count(tx, unsent)
    listed = sorted((*in_doubt, *safe), key=lambda one: (one.due_at, one.id))[:limit]
    safe_ids = {one.id for one in safe}
    messages = [_proposal(one, *_decide(one, evidence.get(one.id), one.id in safe_ids, until)) for one in listed]
    return Proposals({"sent": len(evidence), "uncertain": numbers[0] - len(evidence), "send": numbers[1]}, messages)


class _Row(NamedTuple):
    id: str
    lane: str
    state: str
    due_at: datetime
    reason: str | None


def _rows(tx: Transaction, which: ColumnElement[bool], limit: int) -> list[_Row]:
    columns = (message.c[name] for name in _Row._fields)
    return tx.load(_Row, select(*columns).where(which).order_by(message.c.due_at, message.c.id).limit(limit))


def _count(tx: Transaction, which: ColumnElement[bool]) -> int:
    return int(tx.execute(select(func.count()).select_from(message).where(which)).scalar_one())


def _evidence(
    tx: Transaction,
    lanes: Mapping[str, Lane],
    parse: Parse,
    doubtful: ColumnElement[bool],
    maybe_sent: ColumnElement[bool],
) -> dict[str, StatusChanged]:
    """Return, by message in doubt, the latest stored event about it that is not applied."""
    new = (event.c.state == literal_column(f"'{EventState.NEW}'"), event.c.about != RECEIVED)
    stored = tx.load(StoredEvent, select_events().where(*new).order_by(event.c.id).limit(MAX_EVENTS))
    parsed = ((row, parse(row.body.encode(), row.received_at)[0]) for row in stored)
    changes = status_events(tx, lanes, [(row, one) for row, one in parsed if isinstance(one, StatusChanged)])
    if not changes:
        return {}
    candidates = load_candidates(tx, changes, lanes, maybe_sent)
    for one in list(candidates.by_id.values()):
        if one.state in UNSENT:  # as `harkara recover --apply` marks it
            candidates.add(replace(one, state=State.UNCERTAIN))
    found: dict[str, StatusChanged] = {}
    for each in sorted(changes, key=lambda one: (one.change.at, one.stored.id)):
        if match := candidates.match(each):
            found[match.id] = each.change
            candidates.update(match, each, match.state)
    return {one: found[one] for one in _ids(tx, doubtful, sorted(found))}


def _ids(tx: Transaction, which: ColumnElement[bool], among: Sequence[str]) -> Sequence[str]:
    return tx.execute(select(message.c.id).where(which, message.c.id.in_(among))).scalars().all() if among else []


def _proposal(row: _Row, decision: Decision, why: str) -> ProposedDecision:
    return ProposedDecision(row.id, row.lane, row.state, iso_seconds(row.due_at), decision, why)


def _decide(row: _Row, evidence: StatusChanged | None, is_safe: bool, until: datetime) -> tuple[Decision, str]:
    if evidence:
        return "sent", f"a stored webhook of {iso_seconds(evidence.at)} reports it as {evidence.status}"
    if is_safe:
        return "send", f"it was due after {iso_seconds(until)}, when the last message was sent"
    if row.state in (State.UNCERTAIN, State.SENDING):
        return "uncertain", row.reason or "a POST of it may have arrived"
    return "uncertain", "it was due, and may have been sent since the backup"
