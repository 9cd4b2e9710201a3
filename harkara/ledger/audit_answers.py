"""The rules of the audit for the assistant's answers: one voice in each conversation, and not too many in a row."""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, Select, and_, exists, func, literal_column, select

from harkara.assistant.rules import MOST_UNANSWERED
from harkara.assistant.voice import HANDED_OVER
from harkara.ledger.audit_slices import Column, Rules
from harkara.ledger.conditions import SETTLED_STATES
from harkara.ledger.tables import contact, conversation, message, turn
from harkara.states import State


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
    later = message.alias()
    own = and_(conversation.c.lane == message.c.lane, conversation.c.person == message.c.talk_person)
    taken = and_(own, conversation.c.mode != "assistant", func.coalesce(conversation.c.mode_cause, "") != HANDED_OVER)
    at_once = and_(
        *_to_same_person(later, message.c.recipient),
        later.c.talk_person == message.c.talk_person,
        later.c.lane == message.c.lane,
        later.c.talk_revision == message.c.talk_revision,
        later.c.id != message.c.id,
        later.c.posted_at.is_not(None),
    )
    return {
        "no two answers were sent at one revision": select(message.c.id).where(
            message.c.talk_person.is_not(None), message.c.posted_at.is_not(None), exists().where(at_once)
        ),
        # A minute: a slot that was booked before, and the clocks of two processes.
        "no answer is sent after a person has the conversation": select(message.c.id).where(
            message.c.talk_person.is_not(None),
            exists().where(taken, message.c.posted_at > conversation.c.mode_since),
            message.c.posted_at < minute_ago,
        ),
    }


def conversation_rules() -> Rules:
    return {
        # Of any deployment, since the audit reads no files; the gate compares with the number of this one.
        "no more answers are sent in a row than may be unanswered": select(conversation.c.person).where(
            _answers_in_a_row() > MOST_UNANSWERED
        ),
    }


def _answers_in_a_row() -> ScalarSelect[int]:
    """Count the answers of a conversation that were sent after the customer's last message."""
    own = (message.c.lane == conversation.c.lane, message.c.talk_person == conversation.c.person)
    names = select(contact.c.recipient).where(*_of_person()).correlate(conversation)
    wrote_at = select(func.max(contact.c.wrote_at)).where(*_of_person()).correlate(conversation).scalar_subquery()
    counted = select(func.count()).where(*_to_same_person(message, names), *own, message.c.posted_at > wrote_at)
    return counted.select_from(message).correlate(conversation).scalar_subquery()


def _of_person() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return contact.c.lane == conversation.c.lane, contact.c.person == conversation.c.person


def _to_same_person(one: FromClause, names: Column | Select[tuple[str]]) -> tuple[ColumnElement[bool], ...]:
    """Match by the index of recipients, which has those that are not erased yet: an audit of that time finds them."""
    settled: list[ColumnElement[str]] = [
        literal_column(f"'{state.value}'") for state in State if state in SETTLED_STATES
    ]
    named = one.c.recipient.in_(names) if isinstance(names, Select) else one.c.recipient == names
    return named, one.c.state.in_(settled)
