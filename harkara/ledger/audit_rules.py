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
    or_,
    select,
)

from harkara.ledger.audit_answers import answer_rules, conversation_rules, turn_rules
from harkara.ledger.audit_slices import Column, Rules, within
from harkara.ledger.charges.spend_sums import different_days
from harkara.ledger.conditions import ARRIVED, in_state
from harkara.ledger.events.negative_evidence import BY_CONTENT, BY_ID
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
    return {name: _with_number(query.where(*bounds)) for name, query in _fixed_rules(ends)[section.what].items()}


def _fixed_rules(ends: bool) -> Mapping[str, Rules]:
    return {
        MESSAGES.what: _post_rules(ends)
        | _state_rules(ends)
        | _lease_rules()
        | _plan_rules()
        | answer_rules(_MINUTE_AGO),
        POSTS.what: {"every POST belongs to a message": _without_message(attempt.c.message_id, ends)},
        LINES.what: {"every line of a trace belongs to a message": _without_message(trace.c.message_id, ends)},
        CAMPAIGNS.what: _audience_rules(),
        TURNS.what: turn_rules(),
        CONVERSATIONS.what: conversation_rules(),
    }


def _with_number(query: Select[tuple[str]]) -> AuditRule:
    return AuditRule(query, select(func.count()).select_from(query.subquery()))


def _post_rules(ends: bool) -> Rules:
    posts = _posts(ends)
    number, arrived, accepted = (func.coalesce(posts.c[name], 0) for name in ("number", "arrived", "accepted"))
    is_open = and_(attempt.c.ended_at.is_(None), attempt.c.outcome.is_(None))
    open_posts = select(func.count()).where(attempt.c.message_id == message.c.id, is_open)
    unended = open_posts.correlate(message).scalar_subquery()
    resolved = _trace_lines(and_(trace.c.event == State.ACCEPTED.value, trace.c.code == "operator"))
    ids = select(message.c.id)
    counted = ids.select_from(message.outerjoin(posts, posts.c.message_id == message.c.id))
    return {
        "POSTs never exceed claims": counted.where(number > message.c.claims),
        "tries never exceed POSTs": counted.where(message.c.tries > number),
        "a possible duplicate is flagged": counted.where(arrived > 1, ~message.c.maybe_duplicate),
        "accepted only with Chat Mitra's answer, a webhook or an operator's decision": counted.where(
            in_state(*_ARRIVED), accepted == 0, _webhook_lines() == 0, resolved == 0
        ),
        # `failed` too: Chat Mitra may accept a message that WhatsApp refuses later. An operator may drop a message
        # although it may have arrived, and the answer may come after that.
        "Chat Mitra's answer is never forgotten": counted.where(
            accepted > 0, ~in_state(*_ARRIVED, State.FAILED), func.coalesce(message.c.code, "") != "dropped"
        ),
        "sending has exactly one open POST": ids.where(in_state(State.SENDING), unended != 1),
        "nothing unsent has an open POST": ids.where(in_state(*UNSENT), unended > 0),
    }


def _posts(ends: bool) -> Subquery:
    """Count the POSTs of each message of a slice at once: a look-up for each message takes four times as long."""
    arrived, accepted = (func.sum(case((which, 1), else_=0)) for which in (ARRIVED, attempt.c.outcome == "accepted"))
    numbers = (func.count().label("number"), arrived.label("arrived"), accepted.label("accepted"))
    posts = select(attempt.c.message_id, *numbers).where(*within(POSTS.key, ends=ends))
    return posts.group_by(attempt.c.message_id).subquery("posts")


def _without_message(owner: Column, ends: bool) -> Select[tuple[str]]:
    """The tables of POSTs and traces have no foreign key, which would be checked for each of their rows."""
    # PostgreSQL does not conclude that the message is in the slice, too, and might read the others.
    own = exists().where(message.c.id == owner, *within(MESSAGES.key, ends=ends))
    return select(owner).where(~own).distinct()


def _state_rules(ends: bool) -> Rules:
    is_ending = trace.c.event.in_([state.value for state in FINAL])
    endings = _trace_lines(is_ending)
    ended = select(trace.c.message_id).where(is_ending, *within(LINES.key, ends=ends))
    ending = _trace_lines(trace.c.event == message.c.state)
    final = in_state(*FINAL)
    ids = select(message.c.id)
    return {
        "a final message ended once, and stayed as it ended": ids.where(final, or_(endings != 1, ending != 1)),
        # One of the recipient's devices may get a message after another one reported a failure.
        "only a final message has an ending, or one that arrived after all": ids.where(
            ~final, message.c.id.in_(ended), _webhook_lines() == 0
        ),
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
    """Match a message with a trace line whose state no chain of transitions reaches from an earlier line's."""
    earlier, later = trace.alias(), trace.alias()
    undeclared = [
        and_(earlier.c.event == state.value, later.c.event.in_([each.value for each in states]))
        for state, states in unreachable.items()
        if states
    ]
    bounds = (bound for line in (earlier, later) for bound in within((line.c.message_id,), ends=ends))
    same = and_(later.c.message_id == earlier.c.message_id, later.c.id > earlier.c.id)
    return message.c.id.in_(select(earlier.c.message_id).where(same, *bounds, or_(*undeclared)))


def _present_occasion() -> ColumnElement[bool]:
    return and_(occasion.c.id == message.c.occasion_id, occasion.c.revision == message.c.revision)


def _over() -> ColumnElement[bool]:
    """Match a campaign that is finished, or was cancelled long enough ago for its last message to be cancelled."""
    cancelled = and_(campaign.c.state == CampaignState.CANCELLED.value, campaign.c.changed_at < _MINUTE_AGO)
    return or_(campaign.c.state == CampaignState.FINISHED.value, cancelled)


def _webhook_lines() -> ScalarSelect[int]:
    return _trace_lines(trace.c.code.in_((BY_CONTENT, BY_ID)))


def _trace_lines(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    counted = select(func.count()).where(trace.c.message_id == message.c.id, condition)
    return counted.correlate(message).scalar_subquery()
