"""Measure the goals that the ledger shows. Every query reads a bounded part of it, by an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from math import ceil
from typing import Final, TypeVar

from sqlalchemy import func, select

from harkara.goals import Goals, Reading
from harkara.goals.goal import (
    BeatGoal,
    BudgetGoal,
    DeliveredGoal,
    DeliveryTimeGoal,
    ErrorsGoal,
    Goal,
    OldestDueGoal,
    UncertainGoal,
    WebhooksGoal,
)
from harkara.lanes import Lane
from harkara.ledger.alarms.measure_turns import (
    measure_deliveries,
    measure_failures,
    measure_hand_overs,
    measure_model,
    measure_prices,
    measure_times,
)
from harkara.ledger.charges.budgets import list_budgets
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.events.silence import webhook_silences
from harkara.ledger.leases import seconds_since
from harkara.ledger.messages.due import oldest_due
from harkara.ledger.tables import attempt, campaign, message, trace
from harkara.ledger.transaction import Transaction
from harkara.states import CampaignState, State

SAMPLE: Final = 1000
"""The messages of a lane, the newest of the period, by which its deliveries are judged."""

MOST_COUNTED: Final = 1000
"""More messages of a lane are not counted: every goal is missed by then."""

G = TypeVar("G", bound=Goal)
_Measure = Callable[[Database, G, Mapping[str, Lane]], Iterator[Reading]]


def measure(db: Database, goals: Goals, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    """Yield what the ledger shows about the goals of these lanes. Raises Unavailable."""
    yield from _each(db, goals.delivered, lanes, _delivered)
    yield from _each(db, goals.delivery_time, lanes, _delivery_time)
    yield from _each(db, goals.oldest_due, lanes, _oldest_due)
    yield from _each(db, goals.uncertain, lanes, _uncertain)
    yield from _each(db, goals.errors, lanes, _errors)
    yield from _each(db, goals.webhooks, lanes, _webhooks)
    yield from _each(db, goals.budget, lanes, _budgets)
    yield from _each(db, goals.beat, lanes, _beat)
    yield from _each(db, goals.assistant_time, lanes, measure_times)
    yield from _each(db, goals.assistant_delivered, lanes, measure_deliveries)
    yield from _each(db, goals.assistant_hand_over, lanes, measure_hand_overs)
    yield from _each(db, goals.assistant_failed, lanes, measure_failures)
    yield from _each(db, goals.assistant_model, lanes, measure_model)
    yield from _each(db, goals.assistant_price, lanes, measure_prices)


def _each(db: Database, goal: G | None, lanes: Mapping[str, Lane], measure: _Measure[G]) -> Iterator[Reading]:
    return measure(db, goal, lanes) if goal else iter(())


def _delivered(db: Database, goal: DeliveredGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    within = goal.within.total_seconds()
    for lane in _with_webhooks(lanes):
        with db.read() as tx:
            times = _delivery_seconds(tx, lane, goal.within + goal.period, goal.within)
        in_time = sum(1 for seconds in times if seconds is not None and seconds <= within)
        yield Reading(goal.name, in_time / len(times) if len(times) >= goal.fewest else None, lane)


def _delivery_time(db: Database, goal: DeliveryTimeGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    for lane in _with_webhooks(lanes):
        with db.read() as tx:
            found = _delivery_seconds(tx, lane, goal.period, timedelta())
        times = sorted(seconds for seconds in found if seconds is not None)
        enough = len(times) >= goal.fewest
        yield Reading(goal.name, times[ceil(goal.share * len(times)) - 1] if enough else None, lane)


def _delivery_seconds(tx: Transaction, lane: str, since: timedelta, until: timedelta) -> list[float | None]:
    """Return the seconds from the POST to the delivery, None without one, of the newest accepted POSTs between."""
    delivered_at = (
        select(func.min(trace.c.at))
        .where(trace.c.message_id == attempt.c.message_id, trace.c.event.in_((State.DELIVERED, State.READ)))
        .scalar_subquery()
    )
    posts = (
        select(attempt.c.started_at, delivered_at.label("delivered_at"))
        .where(
            attempt.c.lane == lane,
            attempt.c.started_at > tx.now - since,
            attempt.c.started_at <= tx.now - until,
            attempt.c.outcome == "accepted",
        )
        .order_by(attempt.c.started_at.desc())
        .limit(SAMPLE)
    )
    return [
        max(0.0, (row.delivered_at - row.started_at).total_seconds()) if row.delivered_at else None
        for row in tx.execute(posts)
    ]


def _oldest_due(db: Database, goal: OldestDueGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    longest = dict.fromkeys(lanes, 0.0)
    with db.read() as tx:
        for each in oldest_due(tx):
            if each.lane in longest and not each.campaign:
                longest[each.lane] = max(longest[each.lane], each.seconds)
    for lane, seconds in longest.items():
        yield Reading(goal.name, seconds, lane)


def _uncertain(db: Database, goal: UncertainGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    with db.read() as tx:
        old = (
            select(message.c.lane)
            .where(in_state(State.UNCERTAIN), message.c.changed_at <= tx.now - goal.after)
            .limit(MOST_COUNTED)
            .subquery()
        )
        by_lane = {row[0]: row[1] for row in tx.execute(select(old.c.lane, func.count()).group_by(old.c.lane))}
    for lane in lanes:
        yield Reading(goal.name, by_lane.get(lane, 0), lane)


def _errors(db: Database, goal: ErrorsGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    for lane in lanes:
        with db.read() as tx:
            failed = (
                select(message.c.id)
                .where(
                    in_state(State.FAILED),
                    message.c.campaign_id.is_(None),
                    message.c.lane == lane,
                    message.c.changed_at > tx.now - goal.period,
                )
                .limit(MOST_COUNTED)
                .subquery()
            )
            yield Reading(goal.name, tx.execute(select(func.count()).select_from(failed)).scalar_one(), lane)


def _webhooks(db: Database, goal: WebhooksGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    for lane, seconds in webhook_silences(db, lanes).items():
        yield Reading(goal.name, seconds, lane)


def _budgets(db: Database, goal: BudgetGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    """The budget of a campaign that has ended is watched no longer: nothing more is spent of it."""
    found = list_budgets(db, {name: lane.zone for name, lane in lanes.items()})
    with db.read() as tx:
        ended = select(campaign.c.id).where(
            campaign.c.id.in_([each.budget.campaign_id for each in found]),
            campaign.c.state.in_((CampaignState.CANCELLED, CampaignState.FINISHED)),
        )
        over = set(tx.execute(ended).scalars())
    for status in found:
        budget = status.budget
        if budget.lane in lanes and budget.campaign_id not in over:
            yield Reading(goal.name, status.share, budget.lane, budget.campaign_id or budget.period)


def _beat(db: Database, goal: BeatGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    """A deployment where beat has never run has none to watch: `/readyz` names it."""
    seconds = seconds_since(db, "heartbeat")
    if seconds is not None:
        yield Reading(goal.name, seconds)


def _with_webhooks(lanes: Mapping[str, Lane]) -> list[str]:
    """Only a webhook shows a delivery."""
    return [name for name, lane in lanes.items() if lane.webhooks_enabled]
