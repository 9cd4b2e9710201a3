"""Apply status events to their messages, in whatever order the events arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import update

from harkara.inbound.ladder import next_state
from harkara.inbound.matching import Candidate, matches_id
from harkara.inbound.window import window_state
from harkara.lanes import Lane
from harkara.ledger.callbacks.notify import StateChange, notify_states
from harkara.ledger.charges.record import Arrival, record_charges
from harkara.ledger.conditions import still_in
from harkara.ledger.events.candidate_messages import Candidates, LockedMessage, StatusEvent, load_candidates
from harkara.ledger.events.late_fallback import Fallback, late_fallback
from harkara.ledger.events.negative_evidence import BY_CONTENT, BY_ID
from harkara.ledger.events.replaced_posts import MatchKey, replace_posts, restore_posts
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.halts import add_halts
from harkara.ledger.messages.next_state import final_columns, on_its_way_columns, replaced_columns
from harkara.ledger.messages.trace import TracedChange, add_lines
from harkara.ledger.tables import attempt, message
from harkara.ledger.transaction import Row, Transaction
from harkara.money.prices import Prices
from harkara.outcomes import Pause, Refused, Replaced
from harkara.playbook import WINDOW_CLOSED, Playbook
from harkara.states import State

RECENT_FAILURE = timedelta(minutes=10)
"""An older failure pauses nothing, since its cause may have been removed in the meantime."""


@dataclass(frozen=True, slots=True)
class Match:
    """An event and its message as it was before the event.

    `to` is the new state of the message, None when it stays; `failure` explains a new state of `failed`. With a
    `fallback` the message waits again, and `replaced` names the POST that failed. `late` is an event about a POST that
    was replaced before.
    """

    event: StatusEvent
    candidate: Candidate
    to: State | None
    failure: Refused | None = None
    fallback: Fallback | None = None
    replaced: Sequence[MatchKey] = ()
    late: bool = False


class Delivery(NamedTuple):
    """A message that was delivered, and the seconds since its POST."""

    lane: str
    seconds: float


class AppliedEvent(NamedTuple):
    """A status event that was applied, its message with the W3C Trace Context of that, and the message's new state.

    `to` is None for an event that changed no state.
    """

    status: str
    message_id: str
    lane: str
    category: str
    traceparent: str | None
    to: State | None


class AppliedStatuses(NamedTuple):
    """The events that no message was found for, or that come too early; and the others, with what they deliver."""

    unmatched: list[StatusEvent]
    deliveries: list[Delivery]
    applied: list[AppliedEvent]


def apply_statuses(
    tx: Transaction, events: Sequence[StatusEvent], playbook: Playbook, lanes: Mapping[str, Lane], prices: Prices
) -> AppliedStatuses:
    """Apply these events to their messages, with the charges of what has arrived."""
    candidates = load_candidates(tx, events, lanes)
    matches: list[Match] = []
    unmatched: list[StatusEvent] = []
    for event in sorted(events, key=lambda one: (one.change.at, one.stored.id)):
        match = _match_replaced(candidates, event) or _match(tx, candidates, event, playbook, lanes)
        if match is None:
            unmatched.append(event)
        else:
            matches.append(match)
    if matches:
        _write(tx, candidates, matches)
        record_charges(tx, prices, lanes, _arrivals(candidates, matches))
    applied = [_applied(candidates, match) for match in matches]
    return AppliedStatuses(unmatched, list(_deliveries(tx, candidates, matches)), applied)


def _match(
    tx: Transaction, candidates: Candidates, event: StatusEvent, playbook: Playbook, lanes: Mapping[str, Lane]
) -> Match | None:
    found = candidates.match(event)
    if found is None:
        return None
    row, to = candidates.messages[found.id], next_state(found.state, event.change.status)
    fallback = late_fallback(tx, row, found.state, event, playbook, lanes) if to is State.FAILED else None
    if fallback and found.state is State.SENDING:
        return None  # its POST is still under way: the event waits until the answer is recorded
    if fallback:
        return Match(event, found, State.WAITING, fallback=fallback, replaced=candidates.replace(found, event))
    failure = _failure(row, event, playbook, tx.now) if to is State.FAILED else None
    candidates.update(found, event, to or found.state)
    return Match(event, found, to, failure)


def _match_replaced(candidates: Candidates, event: StatusEvent) -> Match | None:
    """Only an arrival counts: then one of the customer's devices has what another one reported as failed."""
    found = candidates.match_replaced(event)
    if found is None:
        return None
    arrived = event.change.status in ("delivered", "read")
    to = next_state(found.state, event.change.status) if arrived else None
    candidates.add(replace(found, state=to or found.state))
    return Match(event, found, to, late=True)


def _failure(row: LockedMessage, event: StatusEvent, playbook: Playbook, now: datetime) -> Refused:
    """Look the code up in the playbook, with the 24-hour window as it was at the time of the POST."""
    window = window_state(row.wrote_at, row.posted_at or now).window
    return playbook.undelivered(event.change.code, event.change.reason, raw=row.kind != "template", window=window)


def _write(tx: Transaction, candidates: Candidates, matches: Sequence[Match]) -> None:
    """Write messages, then attempts, then halts: the same order as in every transaction that writes several of them."""
    ordered = sorted(matches, key=lambda one: one.candidate.id)  # a stable sort: events of one message keep theirs
    for match in ordered:
        _move(tx, candidates, match)
    add_lines(tx, [_traced(match, match.to) for match in ordered if match.to])
    sending = [row.id for row in candidates.messages.values() if row.state == State.SENDING]
    _close_attempts(tx, sending, matches)
    applied = [{"id": match.event.stored.id, "message_id": match.candidate.id} for match in matches]
    tx.execute_each(_MARK_APPLIED, {"id": "integer", "message_id": "text"}, applied)
    restore_posts(tx, sorted({match.candidate.id for match in matches if match.late and match.to}))
    add_halts(tx, _halts(tx, candidates, matches))


def _deliveries(tx: Transaction, candidates: Candidates, matches: Sequence[Match]) -> Iterator[Delivery]:
    for match in matches:
        row = candidates.messages[match.candidate.id]
        arrived = match.to in _DELIVERED and match.candidate.state not in _DELIVERED
        if arrived and row.posted_at and not match.late:
            yield Delivery(row.lane, max(0.0, (tx.now - row.posted_at).total_seconds()))


_DELIVERED = (State.DELIVERED, State.READ)


def _applied(candidates: Candidates, match: Match) -> AppliedEvent:
    row = candidates.messages[match.candidate.id]
    return AppliedEvent(match.event.change.status, row.id, row.lane, row.category, row.traceparent, match.to)


_MARK_APPLIED = f"""
UPDATE event SET state = '{EventState.APPLIED}', message_id = each.message_id, body = NULL FROM {{each}}
WHERE event.id = each.id
"""


def _move(tx: Transaction, candidates: Candidates, match: Match) -> None:
    """Write the new state, with its callback; an event that changes no state may still give WhatsApp's id."""
    values: Row = {} if match.late else {"whatsapp_id": candidates.by_id[match.candidate.id].whatsapp_id}
    if match.to:
        values |= {"state": match.to.value, "changed_at": tx.now, **_columns(tx, match, match.to)}
    unchanged = still_in(match.candidate.state)
    if values:
        tx.execute(update(message).where(message.c.id == match.candidate.id, unchanged).values(**values))
    if match.to:
        notify_states(tx, [StateChange(match.candidate.id, match.to)])  # with the columns of this state


def _columns(tx: Transaction, match: Match, to: State) -> Row:
    """Return the columns that change with the state; a fallback is kept until it cannot be needed any more."""
    if match.fallback:
        replaced = replaced_columns(Replaced(WINDOW_CLOSED, match.fallback.reason[:1000]), tx.now)
        replace_posts(tx, match.candidate.id, match.replaced)
        return replaced | match.fallback.columns | {"whatsapp_id": None, "job_id": None}
    if to is State.SENT:
        return on_its_way_columns()
    return final_columns(*_why(match))


def _why(match: Match) -> tuple[str | None, str | None]:
    if match.fallback:
        return WINDOW_CLOSED, match.fallback.reason
    if match.failure is None:
        return None, None
    advice, text = match.failure.advice, match.failure.text
    return match.failure.code, f"{advice} WhatsApp said: {text}" if text else advice


def _traced(match: Match, to: State) -> TracedChange:
    """Return the line of the trace: how the message was found, and the time by Chat Mitra's clock."""
    code, reason = _why(match)
    change = match.event.change
    source = f"webhook of {change.at.isoformat(timespec='seconds')}"
    found_by = BY_ID if match.late or matches_id(change, match.candidate) else BY_CONTENT
    return TracedChange(match.candidate.id, to.value, code or found_by, f"{source}: {reason}" if reason else source)


def _arrivals(candidates: Candidates, matches: Sequence[Match]) -> Iterator[Arrival]:
    """A POST that a fallback has replaced costs nothing, even if it has arrived: it was no template."""
    for match in matches:
        if match.event.change.status in ("delivered", "read") and not match.late:
            yield candidates.messages[match.candidate.id], match.event.change


def _halts(
    tx: Transaction, candidates: Candidates, matches: Sequence[Match]
) -> Iterator[tuple[str, Pause, str | None]]:
    for match in matches:
        pause = match.failure and match.failure.pause
        if pause and match.event.change.at >= tx.now - RECENT_FAILURE:
            row = candidates.messages[match.candidate.id]
            yield row.lane, pause, row.template


def _close_attempts(tx: Transaction, sending: Sequence[str], matches: Sequence[Match]) -> None:
    """Close the open attempts of messages that an event has moved; a later answer overwrites this outcome."""
    moved = {match.candidate.id for match in matches if match.to}.intersection(sending)
    if moved:
        still_open = (
            attempt.c.message_id.in_(sorted(moved)),
            attempt.c.ended_at.is_(None),
            attempt.c.outcome.is_(None),
        )
        tx.execute(update(attempt).where(*still_open).values(outcome="uncertain", code="webhook"))
