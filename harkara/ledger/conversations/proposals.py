"""Read what the assistant proposed in conversations: the draft that waits for a person, and the turns of a chat."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select, text, union_all

from harkara.conversation import ProposedAnswer, WaitingDraft
from harkara.ledger.conversations.people import Participant, load_participants
from harkara.ledger.database import Database
from harkara.ledger.tables import conversation, turn
from harkara.ledger.tables.conversations import ANSWERED
from harkara.ledger.transaction import Row

MOST_DRAFTS = 1000
"""Drafts of a lane that a list reads, the newest ones: most of them are of talks that have moved on."""

_OF_REVISION = and_(
    turn.c.lane == conversation.c.lane,
    turn.c.person == conversation.c.person,
    turn.c.revision == conversation.c.revision,
)
_WAITS = (text("turn.outcome = 'draft'"), turn.c.decision.is_(None), turn.c.content.is_not(None))

WAITING_DRAFT = (
    select(turn.c.id).where(_OF_REVISION, text(f"turn.{ANSWERED}"), *_WAITS).correlate(conversation).scalar_subquery()
)
"""The id of the draft for the present revision of a conversation, by the unique index of answered revisions."""

_COLUMNS = tuple(
    turn.c[name]
    for name in "id at revision outcome source content hand_over summary decision decided_by message_id".split()
)


def find_draft(db: Database, person: Participant) -> ProposedAnswer | None:
    """Return the draft that answers the conversation as it is now, None without one. Raises Unavailable."""
    of_person = (conversation.c.lane == person.lane, conversation.c.person == person.id)
    waiting = select(WAITING_DRAFT).select_from(conversation).where(*of_person).scalar_subquery()
    with db.read() as tx:
        return next((to_proposal(row) for row in tx.rows(select(*_COLUMNS).where(turn.c.id == waiting))), None)


def list_proposals(
    db: Database,
    person: Participant,
    *,
    since: datetime | None = None,
    before: datetime | None = None,
    limit: int = 50,
) -> list[ProposedAnswer]:
    """Return the newest turns of a conversation between two moments, oldest first. Raises Unavailable."""
    of_person = [turn.c.person == person.id, turn.c.lane == person.lane]
    of_person += [turn.c.at >= since] if since else []
    of_person += [turn.c.at < before] if before else []
    with db.read() as tx:
        newest = tx.rows(select(*_COLUMNS).where(*of_person).order_by(turn.c.id.desc()).limit(limit))
    return [to_proposal(row) for row in reversed(newest)]


def list_drafts(db: Database, lanes: Collection[str], *, limit: int = 50) -> list[WaitingDraft]:
    """Return the drafts of these lanes that wait for a person, the oldest first, of the newest MOST_DRAFTS of each.

    Raises Unavailable.
    """
    parts = [_newest_drafts(lane) for lane in sorted(set(lanes))]
    if not parts:
        return []
    of_lanes = turn.c.id.in_(union_all(*parts))
    columns = (*_COLUMNS, turn.c.lane, turn.c.person, conversation.c.name)
    waiting = (
        select(*columns).join(conversation, _OF_REVISION).where(of_lanes, *_WAITS).order_by(turn.c.id).limit(limit)
    )
    with db.read(snapshot=True) as tx:
        rows = tx.rows(waiting)
        people = load_participants(tx, [row["person"] for row in rows])
    return [
        WaitingDraft(
            contact=row["person"],
            lane=row["lane"],
            number=people[row["person"]].number,
            name=row["name"],
            draft=to_proposal(row),
        )
        for row in rows
        if row["person"] in people
    ]


def count_drafts(db: Database, lanes: Collection[str]) -> Mapping[str, int]:
    """Return how many drafts wait in each lane, of the newest MOST_DRAFTS. Raises Unavailable."""
    found: dict[str, int] = {}
    with db.read() as tx:
        for lane in lanes:
            of_lane = turn.c.id.in_(_newest_drafts(lane))
            waiting = select(turn.c.id).join(conversation, _OF_REVISION).where(of_lane, *_WAITS).subquery()
            found[lane] = int(tx.execute(select(func.count()).select_from(waiting)).scalar_one())
    return found


def to_proposal(row: Row) -> ProposedAnswer:
    """Return the turn of a row; its texts are empty when the retention has erased them."""
    content: Mapping[str, Any] = json.loads(row["content"]) if row["content"] else {"texts": (), "buttons": ()}
    return ProposedAnswer(
        id=row["id"],
        at=row["at"],
        revision=row["revision"],
        outcome=row["outcome"],
        source=row["source"],
        texts=tuple(content["texts"]),
        buttons=tuple(content["buttons"]),
        hand_over=row["hand_over"],
        summary=row["summary"],
        decision=row["decision"],
        decided_by=row["decided_by"],
        message=row["message_id"],
    )


def _newest_drafts(lane: str) -> Select[tuple[str]]:
    """Select the ids of the newest MOST_DRAFTS drafts of a lane, those that no longer wait included."""
    newest = select(turn.c.id).where(text("turn.outcome = 'draft'"), turn.c.lane == lane)
    return select(newest.order_by(turn.c.id.desc()).limit(MOST_DRAFTS).subquery().c.id)
