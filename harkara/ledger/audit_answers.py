"""The rules of the audit for the assistant's answers: one voice in each conversation, and not too many in a row.

The answers of a conversation are found by its turns, whose index has the person: the number of an answer is erased long
before the conversation ends.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, exists, func, literal, select, union_all

from harkara.assistant.rules import MOST_UNANSWERED
from harkara.assistant.voice import HANDED_OVER
from harkara.ledger.conversations.reengagement import REFERENCE
from harkara.ledger.slices import Column
from harkara.ledger.tables import contact, conversation, message, turn

Rules = dict[str, Select[tuple[str]]]
"""The ids of what breaks a rule, by the sentence that names it."""


def turn_rules() -> Rules:
    """The index of answered turns prevents a second one: this checks it from the rows."""
    other = turn.alias()
    answered = ("sent", "handed-over", "draft", "silent")
    same = (other.c.lane == turn.c.lane, other.c.person == turn.c.person, other.c.revision == turn.c.revision)
    return {
        "a revision of a conversation has one answer": select(turn.c.id).where(
            turn.c.outcome.in_(answered), exists().where(*same, other.c.id != turn.c.id, other.c.outcome.in_(answered))
        ),
    }


def answer_rules(minute_ago: Column) -> Rules:
    """The gate prevents these answers: this checks it from the rows."""
    own = and_(conversation.c.lane == message.c.lane, conversation.c.person == message.c.talk_person)
    taken = and_(own, conversation.c.mode != "assistant", func.coalesce(conversation.c.mode_cause, "") != HANDED_OVER)
    of_person = (turn.c.person == message.c.talk_person, turn.c.lane == message.c.lane)
    asks = func.coalesce(message.c.reference, "") == _asking(message.c.talk_person)
    return {
        "every answer of the assistant has its turn": select(message.c.id).where(
            message.c.talk_person.is_not(None), ~asks, ~exists().where(*of_person, turn.c.message_id == message.c.id)
        ),
        # A minute: a slot that was booked before, and the clocks of two processes.
        "no answer is sent after a person has the conversation": select(message.c.id).where(
            message.c.talk_person.is_not(None),
            exists().where(taken, message.c.posted_at > conversation.c.mode_since),
            message.c.posted_at < minute_ago,
        ),
    }


def conversation_rules() -> Rules:
    at_once = select(message.c.talk_revision).where(*_answers()).group_by(message.c.talk_revision)
    return {
        "no two answers were sent at one revision": select(conversation.c.person).where(
            at_once.having(func.count() > 1).correlate(conversation).exists()
        ),
        # Of any deployment, since the audit reads no files; the gate compares with the number of this one.
        "no more answers are sent in a row than may be unanswered": select(conversation.c.person).where(
            _answers_in_a_row() > MOST_UNANSWERED
        ),
    }


def _answers_in_a_row() -> ScalarSelect[int]:
    """Count the answers of a conversation that were sent after the customer's last message."""
    names = (contact.c.lane == conversation.c.lane, contact.c.person == conversation.c.person)
    wrote_at = select(func.max(contact.c.wrote_at)).where(*names).correlate(conversation).scalar_subquery()
    counted = select(func.count()).select_from(message).where(*_answers(), message.c.posted_at > wrote_at)
    return counted.correlate(conversation).scalar_subquery()


def _answers() -> tuple[ColumnElement[bool], ...]:
    """Match what the assistant has sent in a conversation: the messages of its turns, and the one that asks again."""
    of_person = (turn.c.person == conversation.c.person, turn.c.lane == conversation.c.lane)
    of_turns: Select[tuple[str | None]] = select(turn.c.message_id).where(*of_person).correlate(conversation)
    again = message.alias()
    asked = (again.c.reference == _asking(conversation.c.person), again.c.lane == conversation.c.lane)
    both = union_all(of_turns, select(again.c.id).where(*asked).correlate(conversation))
    own = (message.c.talk_person == conversation.c.person, message.c.lane == conversation.c.lane)
    return message.c.id.in_(both), *own, message.c.posted_at.is_not(None)


def _asking(person: Column) -> Column:
    """Return the reference of the message that asks this person again."""
    return literal(REFERENCE) + person
