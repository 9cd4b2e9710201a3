"""The rules of the audit, each with a query of the messages or campaigns that break it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from harkara.ledger.audit_answers import Rules, answer_rules, conversation_rules, turn_rules
from harkara.ledger.charges.spend_sums import different_days
from harkara.ledger.conditions import ARRIVED, in_state
from harkara.ledger.events.negative_evidence import BY_CONTENT, BY_ID
from harkara.ledger.slices import Column, within
from harkara.ledger.tables import attempt, campaign, charge, conversation, message, occasion, trace, turn
from harkara.ledger.transaction import Transaction
from harkara.states import FINAL, REPLACEMENT, UNSENT, CampaignState, State, unreachable_from

_ARRIVED = (State.ACCEPTED, State.SENT, State.DELIVERED, State.READ)
_LEASED = (State.QUEUED, State.CLAIMED, State.SENDING)
_MINUTE_AGO = bindparam("minute_ago", type_=message.c.changed_at.type)


class AuditRule(NamedTuple):
    """The ids of what breaks a rule, and how many they are. Both need the values of `parameters` and of a slice."""

    ids: Select[tuple[str]]
    number: Select[int]


class AuditSection(NamedTuple):
    """A table whose rows are checked in slices of so many, in the order of its key; its rules have that order, too."""

    what: str
    key: tuple[Column, ...]
    rows: int


MESSAGES: Final = AuditSection("messages", (message.c.id,), 10_000)
POSTS: Final = AuditSection("POSTs", (attempt.c.message_id,), 50_000)
LINES: Final = AuditSection("lines of traces", (trace.c.message_id,), 50_000)
CAMPAIGNS: Final = AuditSection("campaigns", (campaign.c.id,), 10)
TURNS: Final = AuditSection("turns", (turn.c.id,), 10_000)
CONVERSATIONS: Final = AuditSection("conversations", (conversation.c.lane, conversation.c.person), 1_000)
CHARGES: Final = AuditSection("charges", (charge.c.lane, charge.c.day), 50_000)

SECTIONS: Final = (MESSAGES, POSTS, LINES, CAMPAIGNS, TURNS, CONVERSATIONS, CHARGES)


def rules(tx: Transaction, section: AuditSection, *, ends: bool) -> Mapping[str, AuditRule]:
    """Return the rules for a slice of a section, which has a last key if it `ends`, by the sentence that names each."""
    if section.what == CHARGES.what:
        query = different_days(tx, lambda table: within((table.c.lane, table.c.day), ends=ends))
        return {"the sums of a day are those of its charges": _with_number(query)}
    return _rules_of(section, ends)


def parameters(tx: Transaction) -> dict[str, Any]:
    """Return the values of this moment that the queries need."""
    return {_MINUTE_AGO.key: tx.now - timedelta(minutes=1)}


@cache  # to build the expressions costs more than to query a small ledger
def _rules_of(section: AuditSection, ends: bool) -> Mapping[str, AuditRule]:
    bounds = within(section.key, ends=ends)
    bounded = {name: query.where(*bounds) for name, query in _row_rules(ends).get(section.what, {}).items()}
    return {name: _with_number(query) for name, query in (bounded | _group_rules(ends).get(section.what, {})).items()}


def _row_rules(ends: bool) -> Mapping[str, Rules]:
    return {
        MESSAGES.what: _open_post_rules()
        | _state_rules(ends)
        | _lease_rules()
        | _plan_rules()
        | answer_rules(_MINUTE_AGO),
        CAMPAIGNS.what: _audience_rules(),
        TURNS.what: turn_rules(),
        CONVERSATIONS.what: conversation_rules(),
    }


def _group_rules(ends: bool) -> Mapping[str, Rules]:
    """Rules of messages that are grouped with the rows of another table; their slices are in the groups."""
    posts = _grouped(attempt.c.message_id, {}, ends).c
    lines = _grouped(trace.c.message_id, {}, ends).c
    return {
        MESSAGES.what: _post_rules(ends) | _ending_rules(ends),
        # The tables of POSTs and traces have no foreign key, which would be checked for each of their rows.
        POSTS.what: {"every POST belongs to a message": select(posts.id).where(posts.state.is_(None))},
        LINES.what: {"every line of a trace belongs to a message": select(lines.id).where(lines.state.is_(None))},
    }


def _with_number(query: Select[tuple[str]]) -> AuditRule:
    return AuditRule(query, select(func.count()).select_from(query.subquery()))


def _post_rules(ends: bool) -> Rules:
    numbers = {
        "number": literal(1),
        "arrived": case((ARRIVED, 1), else_=0),
        "accepted": case((attempt.c.outcome == "accepted", 1), else_=0),
    }
    one = _grouped(attempt.c.message_id, numbers, ends).c
    ids = select(one.id).where(one.state.is_not(None))
    arrived = one.state.in_([state.value for state in _ARRIVED])
    lost = one.state.not_in([state.value for state in (*_ARRIVED, State.FAILED)])
    resolved = _trace_lines(and_(trace.c.event == State.ACCEPTED.value, trace.c.code == "operator"), one.id)
    return {
        "POSTs never exceed claims": ids.where(one.number > one.claims),
        "tries never exceed POSTs": ids.where(one.tries > one.number),
        "a possible duplicate is flagged": ids.where(one.arrived > 1, one.flagged == 0),
        "accepted only with Chat Mitra's answer, a webhook or an operator's decision": ids.where(
            arrived, one.accepted == 0, _webhook_lines(one.id) == 0, resolved == 0
        ),
        # `failed` too: Chat Mitra may accept a message that WhatsApp refuses later. An operator may drop a message
        # although it may have arrived, and the answer may come after that.
        "Chat Mitra's answer is never forgotten": ids.where(
            one.accepted > 0, lost, func.coalesce(one.code, "") != "dropped"
        ),
    }


def _ending_rules(ends: bool) -> Rules:
    ending = case((trace.c.event.in_([state.value for state in FINAL]), 1), else_=0)
    one = _grouped(trace.c.message_id, {"endings": ending}, ends).c
    final = one.state.in_([state.value for state in FINAL])
    return {
        # One of the recipient's devices may get a message after another one reported a failure.
        "only a final message has an ending, or one that arrived after all": select(one.id).where(
            ~final, one.endings > 0, _webhook_lines(one.id) == 0
        ),
    }


def _grouped(owner: Column, numbers: Mapping[str, Column], ends: bool) -> Subquery:
    """Return the messages of a slice, each with the sums of `numbers` of the rows that it owns in another table.

    A message that is missing has no state. It is no join: PostgreSQL may join row by row when it expects few, and a
    look-up for each message takes four times as long.
    """
    own: dict[str, Column] = {name: message.c[name] for name in ("id", "claims", "tries", "state", "code")}
    own["flagged"] = case((message.c.maybe_duplicate, 1), else_=0)
    messages = [column.label(name) for name, column in own.items()] + [literal(0).label(name) for name in numbers]
    nothing = [null().label(name) for name in own if name != "id"]
    owned = [owner.label("id"), *nothing, *(column.label(name) for name, column in numbers.items())]
    both = union_all(
        select(*messages).where(*within(MESSAGES.key, ends=ends)), select(*owned).where(*within((owner,), ends=ends))
    ).subquery("both")
    values = [func.max(both.c[name]).label(name) for name in own if name != "id"]
    sums = [func.sum(both.c[name]).label(name) for name in numbers]
    return select(both.c.id, *values, *sums).group_by(both.c.id).subquery("grouped")


def _open_post_rules() -> Rules:
    is_open = and_(attempt.c.ended_at.is_(None), attempt.c.outcome.is_(None))
    open_posts = select(func.count()).where(attempt.c.message_id == message.c.id, is_open)
    unended = open_posts.correlate(message).scalar_subquery()
    ids = select(message.c.id)
    return {
        "sending has exactly one open POST": ids.where(in_state(State.SENDING), unended != 1),
        "nothing unsent has an open POST": ids.where(in_state(*UNSENT), unended > 0),
    }


def _state_rules(ends: bool) -> Rules:
    endings = _trace_lines(trace.c.event.in_([state.value for state in FINAL]))
    ending = _trace_lines(trace.c.event == message.c.state)
    final = in_state(*FINAL)
    ids = select(message.c.id)
    return {
        "a final message ended once, and stayed as it ended": ids.where(final, or_(endings != 1, ending != 1)),
        "every change of state is a declared transition": ids.where(
            or_(
                _has_undeclared_change(_UNREACHABLE, ends),
                and_(~message.c.replaced, _has_undeclared_change(_NO_WAY_BACK, ends)),
            )
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


def _audience_rules() -> Rules:
    rows = select(func.count()).where(message.c.campaign_id == campaign.c.id).correlate(campaign).scalar_subquery()
    missing = campaign.c.audience != rows + campaign.c.deleted  # the history has deleted these
    return {"a campaign has as many messages as its audience": select(campaign.c.id).where(missing)}


def _plan_rules() -> Rules:
    ids = select(message.c.id)
    return {
        # A reminder whose POST was under way when its occasion changed is stopped by the gate if it becomes unsent.
        "an unsent reminder belongs to its occasion's present revision": ids.where(
            in_state(*UNSENT),
            message.c.posted_at.is_(None),
            message.c.occasion_id.is_not(None),
            ~exists().where(_present_occasion()),
        ),
        # A message that an operator sends once more afterwards is no longer part of the campaign.
        "a campaign that is over has no unsent message": ids.where(
            in_state(*UNSENT),
            message.c.resends == 0,
            message.c.changed_at < _MINUTE_AGO,
            message.c.campaign_id.in_(select(campaign.c.id).where(_over())),
        ),
    }


_Unreachable = dict[State, tuple[State, ...]]
_UNREACHABLE: _Unreachable = {state: unreachable_from(state) for state in State}
_NO_WAY_BACK: _Unreachable = {state: unreachable_from(state, without=REPLACEMENT) for state in State}
"""For messages that no fallback has replaced."""


def _has_undeclared_change(unreachable: _Unreachable, ends: bool) -> ColumnElement[bool]:
    """Match a message with a trace line whose state no chain of transitions reaches from the state before it.

    A chain of chains is one, so the states before that need no look. Each line with each later one would be a join of
    the slice with itself, which PostgreSQL may run line by line when it expects few.
    """
    before = func.lag(trace.c.event).over(partition_by=trace.c.message_id, order_by=trace.c.id)
    is_state = trace.c.event.in_([state.value for state in State])
    of_slice = select(trace.c.message_id, trace.c.event, before.label("before"))
    lines = of_slice.where(is_state, *within(LINES.key, ends=ends)).subquery("lines")
    undeclared = [
        and_(lines.c.before == state.value, lines.c.event.in_([each.value for each in states]))
        for state, states in unreachable.items()
        if states
    ]
    return message.c.id.in_(select(lines.c.message_id).where(or_(*undeclared)))


def _present_occasion() -> ColumnElement[bool]:
    return and_(occasion.c.id == message.c.occasion_id, occasion.c.revision == message.c.revision)


def _over() -> ColumnElement[bool]:
    """Match a campaign that is finished, or was cancelled long enough ago for its last message to be cancelled."""
    cancelled = and_(campaign.c.state == CampaignState.CANCELLED.value, campaign.c.changed_at < _MINUTE_AGO)
    return or_(campaign.c.state == CampaignState.FINISHED.value, cancelled)


def _webhook_lines(of: Column) -> ScalarSelect[int]:
    return _trace_lines(trace.c.code.in_((BY_CONTENT, BY_ID)), of)


def _trace_lines(condition: ColumnElement[bool], of: Column = message.c.id) -> ScalarSelect[int]:
    counted = select(func.count()).select_from(trace).where(trace.c.message_id == of, condition)
    return counted.correlate_except(trace).scalar_subquery()
