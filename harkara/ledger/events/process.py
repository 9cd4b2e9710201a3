"""Process stored events: apply statuses to messages and customers' messages to contacts, each once."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import literal_column, select, update

from harkara.assistant.rules import AssistantRules
from harkara.errors import NotFound, stops_all
from harkara.inbound.events import Event, MessageReceived, NumberChanged, PreferenceChanged, StatusChanged
from harkara.inbound.normalization import outline
from harkara.inbound.words import Words
from harkara.lanes import Lane
from harkara.ledger.applied_entries import mark_applied
from harkara.ledger.contacts.marketing_choice import STOPPED_MARKETING, apply_marketing_choice, apply_marketing_stop
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, store_dead_letters
from harkara.ledger.events.apply import AppliedEvent, AppliedStatuses, Delivery, apply_statuses
from harkara.ledger.events.candidate_messages import StatusEvent
from harkara.ledger.events.dashboard import list_typed, record_typed
from harkara.ledger.events.inbound_messages import OFF, apply_number_change, apply_received
from harkara.ledger.events.recipients import ReceivedStatus, link_recipients, recipient_names, status_events
from harkara.ledger.events.store_events import Parse
from harkara.ledger.events.stored_event import RECEIVED, EventState, StoredEvent, select_events
from harkara.ledger.tables import event
from harkara.ledger.transaction import Row, Transaction
from harkara.money.prices import Prices
from harkara.people.spellings import canonical
from harkara.playbook import Playbook

log = structlog.get_logger(__name__)

BATCH = 100
"""Events of each sort in one round. Statuses share a transaction; each customer's message has one of its own."""

RETRY_SECONDS = (1, 1, 2, 4, 8, 15, 30, 30, 30)
"""Delays of an event that found no message: two minutes in all, in which our own record must be committed."""

_NEW = event.c.state == literal_column(f"'{EventState.NEW}'")
"""As a literal: a bound parameter would keep the databases from using the partial index."""


@dataclass(frozen=True, slots=True)
class EventContext:
    """What event processing needs of this deployment.

    `parse` reads the stored JSON of an event again; the lanes' tokens are the keys of fingerprints. `on_delivered` gets
    the deliveries of each transaction after its commit, and `on_applied` its status events that were applied, with the
    `time.monotonic()` at which it began. They must not raise.
    """

    lanes: Mapping[str, Lane]
    playbook: Playbook
    words: Words
    parse: Parse
    prices: Prices
    on_delivered: Callable[[Sequence[Delivery]], None] = lambda deliveries: None
    assistant: AssistantRules = OFF
    on_applied: Callable[[Sequence[AppliedEvent], float], None] = lambda events, started: None


def any_due(db: Database) -> bool:
    """Return whether an event is due. Raises Unavailable."""
    (found,) = db.probe("SELECT EXISTS (SELECT 1 FROM event WHERE state = 'new' AND due_at <= {now}) AS due")
    return bool(found)


def process(db: Database, context: EventContext, *, limit: int = BATCH) -> Counter[str]:
    """Process one batch; return how many events were applied, wait for their message, or became orphans.

    Any number of processes may run this at once. Raises Unavailable; then nothing is lost.
    """
    done: Counter[str] = Counter()
    statuses, received = _due_ids(db, limit)
    for ids in [*([statuses] if statuses else []), *([one] for one in received)]:
        done += _process_ids(db, context, ids)
    return done


def _due_ids(db: Database, limit: int) -> tuple[list[int], list[int]]:
    """Return the ids of the due statuses, and of the due messages from customers.

    Up to `limit` of each, so that an opt-out does not wait behind all the statuses of an outage.
    """
    is_received = event.c.about == literal_column(f"'{RECEIVED}'")
    with db.read() as tx:
        due = select(event.c.id).where(_NEW, event.c.due_at <= tx.now).order_by(event.c.due_at, event.c.id).limit(limit)
        statuses = list(tx.execute(due.where(~is_received)).scalars())
        return statuses, list(tx.execute(due.where(is_received)).scalars())


def _process_ids(db: Database, context: EventContext, ids: Sequence[int]) -> Counter[str]:
    """Process all of them in one transaction; after a failure one by one, so that a bad event stops no other."""
    started = time.monotonic()
    try:
        with db.write() as tx:
            received = [(row, _parse(row, context.parse)) for row in _lock(tx, ids)]
            done, statuses, typed = _apply(tx, context, received)
        context.on_delivered(statuses.deliveries)
        context.on_applied(statuses.applied, started)
        link_recipients(db, received)
        hold = context.assistant.give_back
        done[EventState.ORPHAN.value] += sum(record_typed(db, each, hold) for each in typed)
        return +done
    except Exception as error:
        if stops_all(error):
            raise
        if len(ids) > 1:
            return sum((_process_ids(db, context, [one]) for one in ids), Counter())
        log.error("event not applied", action="event_failed", number=ids[0], error=type(error).__name__)
        return _postpone_failed(db, ids[0], error)


def _postpone_failed(db: Database, number: int, error: Exception) -> Counter[str]:
    """Let an event that cannot be applied wait for its next try; after the last one it has a dead letter."""
    with db.write() as tx:
        locked = _lock(tx, [number])
        done = _postpone(tx, locked, EventState.UNKNOWN)
        if done[EventState.UNKNOWN]:
            store_dead_letters(tx, [DeadLetter.of("events", str(number), locked[0].about, error)])
        return done


def retry_event(db: Database, number: int) -> None:
    """Process a stored event again from its first try. Raises NotFound if it was deleted, and Unavailable."""
    with db.write() as tx:
        again: Row = {"state": EventState.NEW.value, "tries": 0, "due_at": tx.now}
        failed = (event.c.id == number, event.c.state == EventState.UNKNOWN.value, event.c.body.is_not(None))
        if not tx.execute(update(event).where(*failed).values(**again)).rowcount:
            raise NotFound("the event is deleted, or was applied in the meantime")


def _lock(tx: Transaction, ids: Sequence[int]) -> list[StoredEvent]:
    """Return the events that are still new and that no other transaction holds."""
    query = select_events().where(event.c.id.in_(ids), _NEW).order_by(event.c.id)
    return [StoredEvent(*row) for row in tx.execute(query.with_for_update(skip_locked=True))]


def _apply(
    tx: Transaction, context: EventContext, received: Sequence[tuple[StoredEvent, Event]]
) -> tuple[Counter[str], AppliedStatuses, Sequence[StatusEvent]]:
    """Apply events; return the outcomes, the statuses, and what was typed in the dashboard, still to be recorded."""
    statuses: list[ReceivedStatus] = []
    for row, found in received:
        match found:
            case MessageReceived() if is_own_number(context.lanes.get(row.lane), found.sender):
                _set_state(tx, row, EventState.UNKNOWN)
            case MessageReceived():
                apply_received(tx, row, found, context.words, context.assistant)
                _set_state(tx, row, EventState.APPLIED, sender=found.sender)
            case NumberChanged():
                apply_number_change(tx, row, found)
                _set_state(tx, row, EventState.APPLIED, sender="")
            case PreferenceChanged(names=names, action=action, proof=proof, at=at):
                apply_marketing_choice(tx, row.lane, names, action, proof, at, f"event_{row.id}")
                _set_state(tx, row, EventState.APPLIED, sender="")
            case StatusChanged():
                statuses.append((row, found))
            case _:  # a newer release, which knows more kinds, has stored it
                _set_state(tx, row, EventState.UNKNOWN)
    _apply_marketing_stops(tx, statuses)
    changes = status_events(tx, context.lanes, statuses)
    rules = (context.playbook, context.lanes, context.prices)
    done = apply_statuses(tx, changes, *rules) if changes else AppliedStatuses([], [], [])
    unmatched = done.unmatched
    applied = Counter({EventState.APPLIED.value: len(received) - len(unmatched)})
    typed = list_typed(tx, unmatched, len(RETRY_SECONDS))
    recorded = {one.stored.id for one in typed}
    others = [one.stored for one in unmatched if one.stored.id not in recorded]
    return applied + _postpone(tx, others, EventState.ORPHAN), done, typed


def _apply_marketing_stops(tx: Transaction, statuses: Sequence[ReceivedStatus]) -> None:
    """Apply each once, also one that is about no message of ours; in the order of lanes, as people must be locked.

    The first try does not count as once, since an error may have rolled it back.
    """
    stops = [one for one in statuses if one[1].code == STOPPED_MARKETING]
    for stored, change in sorted(stops, key=lambda one: (one[0].lane, one[0].id)):
        names = recipient_names(tx, stored.lane, change)
        # Not by the id of its row: SQLite gives that of a deleted event to another one.
        if names and mark_applied(tx, f"marketing-stop {stored.lane} {change.identity}"):
            apply_marketing_stop(tx, stored.lane, names, change.at, f"event_{stored.id}")


def _parse(row: StoredEvent, parse: Parse) -> Event:
    (parsed,) = parse(row.body.encode(), row.received_at)
    return parsed


def _set_state(tx: Transaction, row: StoredEvent, state: EventState, **columns: str) -> None:
    tx.execute(update(event).where(event.c.id == row.id).values(state=state.value, **columns))


def is_own_number(lane: Lane | None, sender: str) -> bool:
    """Whether the account itself is the sender: such an event of its own message is no customer's."""
    return lane is not None and lane.number is not None and canonical(sender) == canonical(lane.number)


def _is_last_try(row: StoredEvent) -> bool:
    return row.tries >= len(RETRY_SECONDS)


def _postpone(tx: Transaction, rows: Sequence[StoredEvent], end: EventState) -> Counter[str]:
    """Let these events wait for their next try; after the last one they get the state `end`."""
    done: Counter[str] = Counter()
    by_tries: dict[int, list[StoredEvent]] = defaultdict(list)
    for row in rows:
        by_tries[row.tries].append(row)
    for tries, those in by_tries.items():
        if not _is_last_try(those[0]):
            again = {"tries": tries + 1, "due_at": tx.now + timedelta(seconds=RETRY_SECONDS[tries])}
            tx.execute(update(event).where(event.c.id.in_([row.id for row in those])).values(**again))
            done["waiting"] += len(those)
            continue
        for row in those:
            body = row.body if row.about == RECEIVED or end is EventState.UNKNOWN else outline(row.body)
            tx.execute(update(event).where(event.c.id == row.id).values(state=end.value, body=body))
        done[end.value] += len(those)
    return done
