"""The rules of the audit, each with a query of the messages or campaigns that break it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, bindparam, exists, func, or_, select, true

from harkara.assistant.rules import MOST_UNANSWERED
from harkara.assistant.voice import HANDED_OVER
from harkara.ledger.charges.spend_sums import different_days
from harkara.ledger.conditions import ARRIVED, in_state
from harkara.ledger.events.negative_evidence import BY_CONTENT, BY_ID
from harkara.ledger.tables import attempt, campaign, contact, conversation, message, occasion, trace, turn
from harkara.ledger.transaction import Transaction
from harkara.states import FINAL, REPLACEMENT, UNSENT, CampaignState, State, unreachable_from

Rules = dict[str, Select[tuple[str]]]

_ARRIVED = (State.ACCEPTED, State.SENT, State.DELIVERED, State.READ)
_LEASED = (State.QUEUED, State.CLAIMED, State.SENDING)
_MINUTE_AGO = bindparam("minute_ago", type_=message.c.changed_at.type)


class AuditRule(NamedTuple):
    """The ids of what breaks a rule, and how many they are. Both need the parameters of `parameters`."""

    ids: Select[tuple[str]]
    number: Select[int]


def rules(tx: Transaction) -> Mapping[str, AuditRule]:
    """Return all rules, by the sentence that names each."""
    return {**_fixed_rules(), **_with_numbers(_money_rules(tx))}


def parameters(tx: Transaction) -> dict[str, Any]:
    """Return the values of this moment that the queries need."""
    return {_MINUTE_AGO.key: tx.now - timedelta(minutes=1)}


@cache  # to build the expressions costs more than to query a small ledger
def _fixed_rules() -> Mapping[str, AuditRule]:
    own = _attempt_rules() | _state_rules() | _lease_rules() | _plan_rules() | _voice_rules()
    return _with_numbers(own | _owner_rules())


def _with_numbers(queries: Rules) -> Mapping[str, AuditRule]:
    numbers = {name: select(func.count()).select_from(query.subquery()) for name, query in queries.items()}
    return {name: AuditRule(query, numbers[name]) for name, query in queries.items()}


def _attempt_rules() -> Rules:
    posts = _attempts(true())
    arrived = _attempts(ARRIVED)
    accepted = _attempts(attempt.c.outcome == "accepted")
    open_posts = _attempts(and_(attempt.c.ended_at.is_(None), attempt.c.outcome.is_(None)))
    resolved = _trace_lines(and_(trace.c.event == State.ACCEPTED.value, trace.c.code == "operator"))
    ids = select(message.c.id)
    return {
        "POSTs never exceed claims": ids.where(posts > message.c.claims),
        "tries never exceed POSTs": ids.where(message.c.tries > posts),
        "a possible duplicate is flagged": ids.where(arrived > 1, ~message.c.maybe_duplicate),
        "accepted only with Chat Mitra's answer, a webhook or an operator's decision": ids.where(
            in_state(*_ARRIVED), accepted == 0, _webhook_lines() == 0, resolved == 0
        ),
        # `failed` too: Chat Mitra may accept a message that WhatsApp refuses later. An operator may drop a message
        # although it may have arrived, and the answer may come after that.
        "Chat Mitra's answer is never forgotten": ids.where(
            accepted > 0, ~in_state(*_ARRIVED, State.FAILED), func.coalesce(message.c.code, "") != "dropped"
        ),
        "sending has exactly one open POST": ids.where(in_state(State.SENDING), open_posts != 1),
        "nothing unsent has an open POST": ids.where(in_state(*UNSENT), open_posts > 0),
    }


def _owner_rules() -> Rules:
    """The tables of POSTs and traces have no foreign key, which would be checked for each of their rows."""
    posts, lines = (
        select(each.c.message_id).where(~exists().where(message.c.id == each.c.message_id)).distinct()
        for each in (attempt, trace)
    )
    return {"every POST belongs to a message": posts, "every line of a trace belongs to a message": lines}


def _state_rules() -> Rules:
    endings = _trace_lines(trace.c.event.in_([state.value for state in FINAL]))
    ending = _trace_lines(trace.c.event == message.c.state)
    final = in_state(*FINAL)
    ids = select(message.c.id)
    return {
        "a final message ended once, and stayed as it ended": ids.where(final, or_(endings != 1, ending != 1)),
        # One of the recipient's devices may get a message after another one reported a failure.
        "only a final message has an ending, or one that arrived after all": ids.where(
            ~final, endings > 0, _webhook_lines() == 0
        ),
        "every change of state is a declared transition": ids.where(
            or_(_has_undeclared_change(_UNREACHABLE), and_(~message.c.replaced, _has_undeclared_change(_NO_WAY_BACK)))
        ),
        "one-time codes are erased when done": ids.where(
            message.c.category == "authentication", message.c.body.is_not(None), or_(in_state(*_ARRIVED), final)
        ),
    }


def _lease_rules() -> Rules:
    ids = select(message.c.id)
    return {
        "exactly the queued, claimed and sending messages have a lease": ids.where(
            in_state(*_LEASED) != message.c.lease_until.is_not(None)
        ),
        "no lease ran out more than a minute ago": ids.where(in_state(*_LEASED), message.c.lease_until < _MINUTE_AGO),
    }


def _plan_rules() -> Rules:
    rows = select(func.count()).where(message.c.campaign_id == campaign.c.id).correlate(campaign).scalar_subquery()
    ids = select(message.c.id)
    return {
        # A reminder whose POST was under way when its occasion changed is stopped by the gate if it becomes unsent.
        "an unsent reminder belongs to its occasion's present revision": ids.where(
            in_state(*UNSENT),
            message.c.posted_at.is_(None),
            message.c.occasion_id.is_not(None),
            ~exists().where(_present_occasion()),
        ),
        "a campaign has as many messages as its audience": select(campaign.c.id).where(campaign.c.audience != rows),
        # A message that an operator sends once more afterwards is no longer part of the campaign.
        "a campaign that is over has no unsent message": ids.where(
            in_state(*UNSENT),
            message.c.resends == 0,
            message.c.changed_at < _MINUTE_AGO,
            message.c.campaign_id.in_(select(campaign.c.id).where(_over())),
        ),
    }


def _money_rules(tx: Transaction) -> Rules:
    return {"the sums of a day are those of its charges": different_days(tx)}


def _voice_rules() -> Rules:
    """The index of answered turns prevents a second one, and the gate the others: this checks both from the rows."""
    other, later = turn.alias(), message.alias()
    answered = ("sent", "handed-over", "draft", "silent")
    same = (other.c.lane == turn.c.lane, other.c.person == turn.c.person, other.c.revision == turn.c.revision)
    own = and_(conversation.c.lane == message.c.lane, conversation.c.person == message.c.talk_person)
    taken = and_(own, conversation.c.mode != "assistant", func.coalesce(conversation.c.mode_cause, "") != HANDED_OVER)
    at_once = and_(
        later.c.talk_person == message.c.talk_person,
        later.c.lane == message.c.lane,
        later.c.talk_revision == message.c.talk_revision,
        later.c.id != message.c.id,
        later.c.posted_at.is_not(None),
    )
    return {
        "a revision of a conversation has one answer": select(turn.c.id).where(
            turn.c.outcome.in_(answered), exists().where(*same, other.c.id != turn.c.id, other.c.outcome.in_(answered))
        ),
        "no two answers were sent at one revision": select(message.c.id).where(
            message.c.talk_person.is_not(None), message.c.posted_at.is_not(None), exists().where(at_once)
        ),
        # Of any deployment, since the audit reads no files; the gate compares with the number of this one.
        "no more answers are sent in a row than may be unanswered": select(conversation.c.person).where(
            _answers_in_a_row() > MOST_UNANSWERED
        ),
        # A minute: a slot that was booked before, and the clocks of two processes.
        "no answer is sent after a person has the conversation": select(message.c.id).where(
            message.c.talk_person.is_not(None),
            exists().where(taken, message.c.posted_at > conversation.c.mode_since),
            message.c.posted_at < _MINUTE_AGO,
        ),
    }


def _answers_in_a_row() -> ScalarSelect[int]:
    """Count the answers of a conversation that were sent after the customer's last message."""
    own = (message.c.lane == conversation.c.lane, message.c.talk_person == conversation.c.person)
    of_person = (contact.c.lane == conversation.c.lane, contact.c.person == conversation.c.person)
    wrote_at = select(func.max(contact.c.wrote_at)).where(*of_person).correlate(conversation).scalar_subquery()
    counted = select(func.count()).where(*own, message.c.posted_at > wrote_at)
    return counted.select_from(message).correlate(conversation).scalar_subquery()


_Unreachable = dict[State, tuple[State, ...]]
_UNREACHABLE: _Unreachable = {state: unreachable_from(state) for state in State}
_NO_WAY_BACK: _Unreachable = {state: unreachable_from(state, without=REPLACEMENT) for state in State}
"""For messages that no fallback has replaced."""


def _has_undeclared_change(unreachable: _Unreachable) -> ColumnElement[bool]:
    """Match a message with a trace line whose state no chain of transitions reaches from an earlier line's."""
    earlier, later = trace.alias(), trace.alias()
    undeclared = [
        and_(earlier.c.event == state.value, later.c.event.in_([each.value for each in states]))
        for state, states in unreachable.items()
        if states
    ]
    both = and_(earlier.c.message_id == message.c.id, later.c.message_id == message.c.id, later.c.id > earlier.c.id)
    return exists().where(both, or_(*undeclared))


def _present_occasion() -> ColumnElement[bool]:
    return and_(occasion.c.id == message.c.occasion_id, occasion.c.revision == message.c.revision)


def _over() -> ColumnElement[bool]:
    """Match a campaign that is finished, or was cancelled long enough ago for its last message to be cancelled."""
    cancelled = and_(campaign.c.state == CampaignState.CANCELLED.value, campaign.c.changed_at < _MINUTE_AGO)
    return or_(campaign.c.state == CampaignState.FINISHED.value, cancelled)


def _attempts(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    counted = select(func.count()).where(attempt.c.message_id == message.c.id, condition)
    return counted.correlate(message).scalar_subquery()


def _webhook_lines() -> ScalarSelect[int]:
    return _trace_lines(trace.c.code.in_((BY_CONTENT, BY_ID)))


def _trace_lines(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    counted = select(func.count()).where(trace.c.message_id == message.c.id, condition)
    return counted.correlate(message).scalar_subquery()
