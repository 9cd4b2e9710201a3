"""Record that someone wrote in a conversation: the customer, or a person of the business."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
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

    The assistant answers again what its answer is dropped for: the customer has said nothing else. The transaction
    holds the lock of the lane's people.
    """
    if people:
        rows = [{"lane": lane, "person": person} for person in people]
        tx.execute_each(_RAISE, {"lane": "text", "person": "text"}, rows)
        _think_again(tx, lane, drop_answers(tx, lane, people))


_RAISE = """
UPDATE conversation SET revision = conversation.revision + 1 FROM {each}
WHERE conversation.lane = each.lane AND conversation.person = each.person
"""


def drop_answers(tx: Transaction, lane: str, people: Collection[str]) -> set[str]:
    """Cancel the answers of the assistant to these people that have not left, and drop the drafts that wait.

    The conversation has moved on. Return the people that had some.
    """
    open_ones = (text(OPEN_ANSWER), message.c.talk_person.in_(people), message.c.lane == lane)
    columns = (message.c.id, message.c.talk_person)
    answers = tx.execute(select(*columns).where(*open_ones).order_by(message.c.id).with_for_update()).all()
    if answers:
        cancel_messages(tx, [row.id for row in answers], SUPERSEDED, "The conversation has moved on since.")
    undecided = (text("turn.outcome = 'draft'"), turn.c.decision.is_(None))
    of_people = (turn.c.person.in_(people), turn.c.lane == lane)
    drafts = update(turn).where(*of_people, *undecided).values(**DROPPED).returning(turn.c.person)
    return {row.talk_person for row in answers} | set(tx.execute(drafts).scalars())


def _think_again(tx: Transaction, lane: str, people: Collection[str]) -> None:
    """Let the turn in the conversations with these people be due, unless it is or a person answers."""
    if people:
        of_people = (conversation.c.lane == lane, conversation.c.person.in_(people))
        idle = (conversation.c.mode == "assistant", conversation.c.turn_due_at.is_(None))
        due = {"turn_due_at": tx.now, "burst_at": tx.now}
        tx.execute(update(conversation).where(*of_people, *idle).values(**due))


def merge_conversations(tx: Transaction, lane: str, people: Collection[str], person: str) -> None:
    """Give the conversations with these people to one person: they are the same. Its revision is the sum of theirs.

    The turns are numbered on after those of the person, so that each still answers a revision of its own. Of two modes
    the stricter stays, and what one of the conversations waits to have answered is answered.
    """
    of_people = (conversation.c.lane == lane, conversation.c.person.in_(people))
    merged = tx.rows(select(conversation).where(*of_people).order_by(conversation.c.person))
    owed = any(row["turn_due_at"] for row in merged)
    for row in merged:
        of_other = (turn.c.lane == lane, turn.c.person == row["person"])
        own = _load(tx, lane, person)
        before = own["revision"] if own else 0
        tx.execute(update(turn).where(*of_other).values(person=person, revision=turn.c.revision + before))
        keeps_own = own and _strictness(row, tx.now) <= _strictness(own, tx.now)
        changed = {} if keeps_own else {key: row[key] for key in _MODE}
        changed |= {"reengaged_at": row["reengaged_at"]} if row["reengaged_at"] else {}
        new = {key: row[key] for key in _OF_FIRST} | changed
        owed |= _write(tx, lane, person, row["last_at"], new, changed).dropped
    if any(row["epoch"] for row in merged):
        owed |= bool(drop_answers(tx, lane, people))
    tx.execute(delete(conversation).where(*of_people))
    if owed:
        _think_again(tx, lane, [person])


_MODE = ("mode", "mode_cause", "mode_since", "mode_until")
_OF_FIRST = ("unread", "name", "revision", "unanswered", "topic_at", "greeted", "epoch", "cost")
"""What the only conversation of a person keeps when the person gets another id."""


def _strictness(row: Row, now: datetime) -> tuple[int, datetime]:
    """Return how long a mode keeps the assistant silent; one without an end does so until a person changes it."""
    until = row["mode_until"] or datetime.max.replace(tzinfo=UTC)
    return ("assistant", "person", "off").index(row["mode"]) if until > now else 0, until


def _load(tx: Transaction, lane: str, person: str) -> Row | None:
    of_person = (conversation.c.lane == lane, conversation.c.person == person)
    return next(iter(tx.rows(select(conversation).where(*of_person))), None)


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
    dropped = bool(row["epoch"]) and drop_answers(tx, lane, [person])
    return RecordedWords(row, bool(dropped))
