"""The states of a message and every transition between them; docs/lifecycle.md is rendered from the table."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """A message is in exactly one of these, always."""

    WAITING = "waiting"  # in the ledger, sent at `due_at`
    QUEUED = "queued"  # a hint with its id is in Redis
    CLAIMED = "claimed"  # leased by one worker; nothing was sent yet
    SENDING = "sending"  # its attempt is committed; the POST may be on its way
    UNCERTAIN = "uncertain"  # a POST may have reached Chat Mitra
    ACCEPTED = "accepted"  # Chat Mitra answered with its job id
    SENT = "sent"  # Chat Mitra has sent it to WhatsApp
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"  # final, with a code and a sentence
    CANCELLED = "cancelled"  # final, with who cancelled it and why


FINAL = frozenset({State.FAILED, State.CANCELLED})
"""These never change again, and a resend is a new message. Only a webhook may show that a failed one arrived."""

DONE = FINAL | {State.ACCEPTED, State.SENT, State.DELIVERED, State.READ}
"""Nothing more is POSTed for these but a fallback (see REPLACEMENT), so a one-time code is no longer needed."""

UNSENT = frozenset({State.WAITING, State.QUEUED, State.CLAIMED})
"""Nothing has been sent yet, so these can still be cancelled."""


class Action(StrEnum):
    """What changes the state of a message; the comment names the code that does it."""

    ACCEPT = "accept"  # ledger/messages/accept.py
    DISPATCH = "dispatch"  # ledger/messages/dispatch.py
    CLAIM = "claim"  # ledger/messages/claim.py
    GATE = "gate"  # ledger/messages/record.py: an outcome before the POST
    BEGIN = "begin"  # ledger/messages/begin.py
    RECORD = "record"  # ledger/messages/record.py: the outcome of the POST
    SWEEP = "sweep"  # ledger/sweep.py: a lease ran out
    RESEND = "resend"  # ledger/sweep.py: the policy for uncertain messages
    EXPIRE = "expire"  # ledger/sweep.py: a deadline passed
    CANCEL = "cancel"  # the application, an operator, a campaign, an occasion, an opt-out
    RESOLVE = "resolve"  # an operator, ledger/messages/commands.py
    RESTORE = "restore"  # ledger/restore.py: the ledger was restored from a backup
    WEBHOOK = "webhook"  # ledger/events/


class Transition(NamedTuple):
    """A permitted change: from each of `sources` (the usual one first; none for a new message) to `target`."""

    sources: tuple[State, ...]
    target: State
    by: Action
    when: str


_W, _Q, _C, _S, _U = State.WAITING, State.QUEUED, State.CLAIMED, State.SENDING, State.UNCERTAIN
_NOT_CONFIRMED = (State.ACCEPTED, _U, _S, _W, _Q, _C)

REPLACEMENT = Transition(
    (State.ACCEPTED, State.SENT, _U), _W, Action.WEBHOOK, "failed for its 24-hour window, and its fallback replaces it"
)
"""The only way back from an answer of Chat Mitra: WhatsApp itself says that the customer does not have the message."""

TRANSITIONS = (
    Transition((), _W, Action.ACCEPT, "accepted into the ledger"),
    Transition((), _Q, Action.ACCEPT, "due now, and nothing due waits before it"),
    Transition((), State.FAILED, Action.ACCEPT, "it conflicts with another message, and no caller waits for the error"),
    Transition((), State.CANCELLED, Action.ACCEPT, "its campaign holds its recipient out"),
    Transition((_W,), _Q, Action.DISPATCH, "due, and its lane has capacity"),
    Transition((_Q,), _W, Action.DISPATCH, "its hint could not be published"),
    Transition((_Q,), _C, Action.CLAIM, "a worker leases it, epoch + 1"),
    Transition((_W,), _C, Action.CLAIM, "a worker leases it by a late hint, epoch + 1"),
    Transition((_C,), _S, Action.BEGIN, "attempt committed, before the POST"),
    Transition((_C,), _W, Action.GATE, "a gate postpones it, no slot is free, or its fallback replaces it"),
    Transition((_C,), State.CANCELLED, Action.GATE, "a gate cancels it"),
    Transition((_C,), _U, Action.GATE, "a gate cancels it, but an earlier attempt may have arrived"),
    Transition((_C,), State.FAILED, Action.GATE, "its window is closed and it has no fallback, or its link has ended"),
    Transition((_S,), State.ACCEPTED, Action.RECORD, "2xx"),
    Transition((_U, _W, _Q, _C), State.ACCEPTED, Action.RECORD, "2xx, recorded late"),
    Transition((_S, _U), _W, Action.RECORD, "not sent, 429, 503, or its fallback replaces it"),
    Transition((_S, _U), State.FAILED, Action.RECORD, "refused"),
    Transition((_S, _U), _U, Action.RECORD, "no answer, 500, 502, 504"),
    Transition((_C, _Q), _W, Action.SWEEP, "its lease ran out before the POST"),
    Transition((_C,), State.FAILED, Action.SWEEP, "five claims without an outcome"),
    Transition((_S,), _U, Action.SWEEP, "its lease ran out during the POST"),
    Transition((_U,), _W, Action.RESEND, "the policy of its category sends it once more, flagged"),
    Transition((_U,), _U, Action.RESEND, "the policy wants evidence, and there is none"),
    Transition((_W,), State.CANCELLED, Action.EXPIRE, "its deadline passed"),
    Transition((_W,), _U, Action.EXPIRE, "its deadline passed, but an earlier attempt may have arrived"),
    Transition((_W, _Q, _C), State.CANCELLED, Action.CANCEL, "cancelled"),
    Transition((_W, _Q, _C), _U, Action.CANCEL, "cancelled, but an earlier attempt may have arrived"),
    Transition((_U, _W), State.ACCEPTED, Action.RESOLVE, "an operator saw that it arrived"),
    Transition((_U, _W), _W, Action.RESOLVE, "an operator sends it once more"),
    Transition((_U, _W), State.CANCELLED, Action.RESOLVE, "an operator drops it"),
    Transition((_W, _Q, _C), _U, Action.RESTORE, "the ledger was restored, and it may have been sent since the backup"),
    Transition(_NOT_CONFIRMED, State.SENT, Action.WEBHOOK, "sent"),
    Transition((State.SENT, *_NOT_CONFIRMED), State.FAILED, Action.WEBHOOK, "failed"),
    REPLACEMENT,
    Transition((State.SENT, State.FAILED, *_NOT_CONFIRMED), State.DELIVERED, Action.WEBHOOK, "delivered"),
    Transition((State.DELIVERED, State.SENT, State.FAILED, *_NOT_CONFIRMED), State.READ, Action.WEBHOOK, "read"),
)
"""Every change of state that the ledger makes; its UPDATE statements take their permitted sources from here."""


def allowed_from(target: State, *, by: Action) -> tuple[State, ...]:
    """Return the states from which `by` may move a message to `target`; none if no such transition is declared."""
    return _SOURCES.get((target, by), ())


def unreachable_from(state: State, *, without: Transition | None = None) -> tuple[State, ...]:
    """Return the states to which no chain of transitions leads from `state`; one transition may be left out."""
    reached: set[State] = set()
    frontier = {state}
    known = [each for each in TRANSITIONS if each is not without]
    while frontier:
        frontier = {each.target for each in known if not frontier.isdisjoint(each.sources)} - reached
        reached |= frontier
    return tuple(each for each in State if each not in reached)


def _sources(target: State, by: Action) -> tuple[State, ...]:
    sources = {source for each in TRANSITIONS if (each.target, each.by) == (target, by) for source in each.sources}
    return tuple(state for state in State if state in sources)


_SOURCES = {(each.target, each.by): _sources(each.target, each.by) for each in TRANSITIONS}


class CampaignState(StrEnum):
    """A campaign is in exactly one of these."""

    LOADING = "loading"  # its audience is being written; an interrupted load stays in this state
    READY = "ready"
    SCHEDULED = "scheduled"  # starts at `start_at`
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"  # none of its messages changes by itself any more
