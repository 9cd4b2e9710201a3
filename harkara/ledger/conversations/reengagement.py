"""Re-engagement: who got no answer within 24 hours is asked once, by a template, whether they still need help."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select, update

from harkara.assistant.rules import AssistantRules
from harkara.assistant.voice import HANDED_OVER, REENGAGED
from harkara.inbound.window import LENGTH
from harkara.lanes import Lane
from harkara.ledger.assistant_switch import is_off
from harkara.ledger.conversations.due_turns import schedule_turn
from harkara.ledger.conversations.people import Participant, load_participants
from harkara.ledger.conversations.talk import ASSISTANT
from harkara.ledger.database import Database
from harkara.ledger.messages.insert_rows import insert_messages, message_row
from harkara.ledger.tables import conversation, message, turn
from harkara.ledger.transaction import Row, Transaction
from harkara.messages import Envelope, Template
from harkara.people.names import normalize_stored
from harkara.states import State

LATEST: Final = timedelta(hours=48)
"""After so long since the last message, no one is asked any more: the question has become another."""

REFERENCE: Final = "re-engagement "
"""How the reference of the message begins that asks a person; the id of the person follows."""

MOST_ASKED: Final = 100
"""Conversations that one call reads."""

_UNSENT = (State.CANCELLED.value, State.FAILED.value)


def ask_unanswered(
    db: Database, rules: AssistantRules, lanes: Mapping[str, Lane], deadlines: Mapping[str, float]
) -> int:
    """Send the re-engagement template of each lane that has one to people without an answer; return how many.

    A person is asked once in their conversation, after the 24-hour window and before LATEST, and not after an opt-out,
    while someone else answers, or outside the rollout. Raises Unavailable.
    """
    if rules.mode != "live":
        return 0
    asking = [(name, template) for name in rules.lanes if (template := lanes[name].reengage if name in lanes else None)]
    return sum(_ask_lane(db, lane, template, rules, deadlines) for lane, template in asking)


def _ask_lane(db: Database, lane: str, template: str, rules: AssistantRules, deadlines: Mapping[str, float]) -> int:
    with db.write() as tx:
        rows = [] if is_off(tx) else _unanswered(tx, lane, rules)
        people = load_participants(tx, [row["person"] for row in rows])
        return sum(
            _ask(tx, row, people[row["person"]], template, deadlines)
            for row in rows
            if row["person"] in people and _may_be_asked(tx, people[row["person"]], rules)
        )


def _unanswered(tx: Transaction, lane: str, rules: AssistantRules) -> list[Row]:
    """Return the conversations whose last turn gave no complete answer, and in which nothing was said since."""
    of_turn = and_(turn.c.lane == conversation.c.lane, turn.c.person == conversation.c.person)
    newest = select(turn.c.id).where(of_turn, turn.c.outcome != "superseded").order_by(turn.c.id.desc()).limit(1)
    last = newest.correlate(conversation).scalar_subquery()
    unsent = and_(message.c.state.in_(_UNSENT), message.c.talk_revision == conversation.c.revision)
    query = (
        select(conversation)
        .join(turn, turn.c.id == last)
        .outerjoin(message, message.c.id == turn.c.message_id)
        .where(
            conversation.c.lane == lane,
            conversation.c.last_at.between(tx.now - LATEST, tx.now - LENGTH),
            conversation.c.reengaged_at.is_(None),
            conversation.c.unanswered < rules.most_unanswered,
            or_(_waits_for_a_person(), and_(conversation.c.mode == "assistant", unsent)),
        )
        .order_by(conversation.c.last_at)
        .limit(MOST_ASKED)
        .with_for_update(of=conversation, skip_locked=True)
    )
    return tx.rows(query)


def _waits_for_a_person() -> ColumnElement[bool]:
    """The assistant handed over, and no person has written."""
    return and_(conversation.c.mode == "person", conversation.c.mode_cause == HANDED_OVER)


def _may_be_asked(tx: Transaction, person: Participant, rules: AssistantRules) -> bool:
    refuses = person.state.objection("utility")
    shut = person.window_ends_at(tx.now) is None
    return shut and not refuses and person.number is not None and rules.answers(person.lane, person.id, person.number)


def _ask(tx: Transaction, row: Row, person: Participant, template: str, deadlines: Mapping[str, float]) -> bool:
    """Accept the template at a revision of its own, so that whatever happens before it leaves cancels it."""
    revision = row["revision"] + 1
    envelope = Envelope(
        to=normalize_stored(str(person.number)),
        messages=[Template(template)],
        lane=person.lane,
        producer=ASSISTANT,
        reference=_reference(person.id),
        quiet=True,
    )
    asked: Row = {**message_row(envelope, tx.now, deadlines), "talk_person": person.id, "talk_revision": revision}
    changed = {"reengaged_at": tx.now, "revision": revision, "unanswered": row["unanswered"] + 1}
    tx.execute(update(conversation).where(*_of(person.lane, person.id)).values(**changed))
    return bool(insert_messages(tx, [asked]))  # type: ignore[list-item]  # with the columns of an answer


def find_asked(tx: Transaction, lane: str, person: str) -> Row | None:
    """Return the conversation with a person who was asked and in which nothing was said since, None for another."""
    asked = (conversation.c.reengaged_at.is_not(None), conversation.c.last_at <= conversation.c.reengaged_at)
    return next(iter(tx.rows(select(conversation).where(*_of(lane, person), *asked))), None)


def is_question(tx: Transaction, identity: str, person: str) -> bool:
    """Return whether our message with this id is the one that asked the person."""
    query = select(message.c.id).where(message.c.id == identity, message.c.reference == _reference(person))
    return tx.execute(query).first() is not None


def continue_talk(tx: Transaction, before: Row, row: Row, number: str | None, rules: AssistantRules) -> None:
    """Let the assistant answer again what it owes, after a YES; `before` is the conversation without the YES."""
    if before["mode"] == "off" or not rules.answers(row["lane"], row["person"], number):
        return
    changed = {"mode": "assistant", "mode_cause": REENGAGED, "mode_since": tx.now, "mode_until": None}
    changed |= {"topic_at": before["topic_at"], "greeted": before["greeted"]}
    tx.execute(update(conversation).where(*_of(row["lane"], row["person"])).values(**changed))
    schedule_turn(tx, row | changed, number, rules)


def _of(lane: str, person: str) -> tuple[ColumnElement[bool], ...]:
    return conversation.c.lane == lane, conversation.c.person == person


def _reference(person: str) -> str:
    return f"{REFERENCE}{person}"
