"""Record that someone wrote in a conversation: the customer, or a person of the business."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import case, delete, func, select, text, update

from harkara.assistant.rules import AssistantRules
from harkara.assistant.voice import HANDED_OVER
from harkara.ledger.messages.commands import cancel_messages
from harkara.ledger.tables import conversation, message, turn
from harkara.ledger.tables.messages import OPEN_ANSWER
from harkara.ledger.transaction import Row, Transaction

GIVE_BACK = AssistantRules().give_back
"""How long a person has a conversation after their last message, unless the deployment says otherwise."""

TOPIC = timedelta(hours=24)
"""After such a silence, what the customer writes is a new topic."""

SUPERSEDED = "superseded"

DROPPED: Row = {"outcome": SUPERSEDED, "decision": "dropped"}
"""What becomes of a draft on which the conversation moves on before someone decides."""


class RecordedWords(NamedTuple):
    """The conversation after what was recorded. `dropped` says that an answer which had not left is dropped for it."""

    row: Row
    dropped: bool


def record_words(
    tx: Transaction, lane: str, person: str, at: datetime, *, unread: bool = True, name: str | None = None
) -> RecordedWords:
    """Record a customer's message, in the transaction that applies it.

    `name` is what WhatsApp shows of the person. A person of the business whose time is over has the conversation no
    more.
    """
    old = conversation.c
    over = (old.mode == "person") & (old.mode_until <= tx.now)
    fresh = old.topic_at.is_(None) | (old.last_at < at - TOPIC)
    changed = {
        "unanswered": 0,
        "mode": case((over, "assistant"), else_=old.mode),
        "mode_cause": case((over, "given-back"), else_=old.mode_cause),
        "mode_since": case((over, old.mode_until), else_=old.mode_since),
        "topic_at": case((fresh, at), else_=old.topic_at),
        "greeted": case((fresh, False), else_=old.greeted),
    }
    return _write(tx, lane, person, at, {"unread": int(unread), "name": name[:60] if name else None}, changed)


def record_reply(
    tx: Transaction, lane: str, person: str, at: datetime | None = None, *, hold: timedelta = GIVE_BACK
) -> None:
    """Record that a person of the business answers now, or did `at` a moment: what was said until then is read.

    The assistant is silent. The conversation is the assistant's again `hold` after the last reply, unless it is off.
    """
    at = at or tx.now
    old = conversation.c
    off = old.mode == "off"
    changed = {
        "unread": case((old.last_at <= at, 0), else_=old.unread),
        "mode": case((off, "off"), else_="person"),
        "mode_cause": case((off, old.mode_cause), else_="replied"),
        "mode_since": case(((old.mode == "assistant") | (old.mode_cause == HANDED_OVER), tx.now), else_=old.mode_since),
        "mode_until": case((off, old.mode_until), else_=at + hold),
        "turn_due_at": None,
        "burst_at": None,
    }
    new = {"mode": "person", "mode_cause": "replied", "mode_since": tx.now, "mode_until": at + hold}
    _write(tx, lane, person, at, new, changed)


def raise_revisions(tx: Transaction, lane: str, people: Collection[str]) -> None:
    """Raise the revision of the conversations with these people, since their choices or names have changed.

    The transaction holds the lock of the lane's people.
    """
    if people:
        rows = [{"lane": lane, "person": person} for person in people]
        tx.execute_each(_RAISE, {"lane": "text", "person": "text"}, rows)
        _drop_drafts(tx, lane, people)


_RAISE = """
UPDATE conversation SET revision = conversation.revision + 1 FROM {each}
WHERE conversation.lane = each.lane AND conversation.person = each.person
"""


def drop_answers(tx: Transaction, lane: str, people: Collection[str]) -> bool:
    """Cancel the answers of the assistant to these people that have not left, and drop the drafts that wait.

    The conversation has moved on. Return whether there were some.
    """
    open_ones = (text(OPEN_ANSWER), message.c.talk_person.in_(people), message.c.lane == lane)
    ids = tx.execute(select(message.c.id).where(*open_ones).order_by(message.c.id).with_for_update()).scalars().all()
    if ids:
        cancel_messages(tx, ids, SUPERSEDED, "The conversation has moved on since.")
    drafts = _drop_drafts(tx, lane, people)
    return bool(ids) or drafts


def _drop_drafts(tx: Transaction, lane: str, people: Collection[str]) -> bool:
    undecided = (text("turn.outcome = 'draft'"), turn.c.decision.is_(None))
    of_people = (turn.c.person.in_(people), turn.c.lane == lane)
    return bool(tx.execute(update(turn).where(*of_people, *undecided).values(**DROPPED)).rowcount)


def merge_conversations(tx: Transaction, lane: str, people: Collection[str], person: str) -> None:
    """Give the conversations with these people to one person: they are the same. Its revision is the sum of theirs.

    The turns are numbered on after those of the person, so that each still answers a revision of its own.
    """
    of_people = (conversation.c.lane == lane, conversation.c.person.in_(people))
    merged = tx.rows(select(conversation).where(*of_people).order_by(conversation.c.person))
    for row in merged:
        of_other = (turn.c.lane == lane, turn.c.person == row["person"])
        own = (conversation.c.lane == lane, conversation.c.person == person)
        before = tx.execute(select(conversation.c.revision).where(*own)).scalar() or 0
        tx.execute(update(turn).where(*of_other).values(person=person, revision=turn.c.revision + before))
        held = row["mode"] != "assistant"
        mode = {key: row[key] for key in ("mode", "mode_cause", "mode_since", "mode_until")} if held else {}
        mode |= {"reengaged_at": row["reengaged_at"]} if row["reengaged_at"] else {}
        new = {"unread": row["unread"], "name": row["name"], "revision": row["revision"]} | mode
        _write(tx, lane, person, row["last_at"], new, mode)
    if any(row["epoch"] for row in merged):
        drop_answers(tx, lane, people)
    tx.execute(delete(conversation).where(*of_people))


def _write(tx: Transaction, lane: str, person: str, at: datetime, values: Row, changed: Row) -> RecordedWords:
    """Add to the row of a conversation, in one statement, and return it; drop the answers that it supersedes.

    `values` are those of a new row, `changed` what else becomes of an old one.
    """
    insert = tx.insert(conversation)
    new, old = insert.excluded, conversation.c
    latest = func.max(old.last_at, new.last_at) if tx.sqlite else func.greatest(old.last_at, new.last_at)
    sums = {
        "last_at": latest,
        "unread": old.unread + new.unread,
        "revision": old.revision + new.revision,
        "name": func.coalesce(new.name, old.name),
    }
    first = {"lane": lane, "person": person, "last_at": at, "topic_at": at, "unread": 0, "revision": 1, "name": None}
    upsert = insert.values(**first | values).on_conflict_do_update(
        index_elements=["lane", "person"], set_=sums | changed
    )
    (row,) = tx.rows(upsert.returning(conversation))
    return RecordedWords(row, bool(row["epoch"]) and drop_answers(tx, lane, [person]))
