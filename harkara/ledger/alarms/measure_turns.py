"""Measure the goals of the assistant from its turns. Every query reads the newest of one lane, by an index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from math import ceil
from typing import Final

from sqlalchemy import func, select

from harkara.goals import Reading
from harkara.goals.assistant import (
    AssistantDeliveredGoal,
    AssistantFailedGoal,
    AssistantHandOverGoal,
    AssistantModelGoal,
    AssistantPriceGoal,
    AssistantTimeGoal,
)
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.model_halt import load_breaker
from harkara.ledger.tables import message, trace, turn
from harkara.ledger.transaction import Row, Transaction
from harkara.money.amounts import MICROS
from harkara.states import State

SAMPLE: Final = 1000
"""The turns of a lane, the newest of the period, by which its assistant is judged."""

SHOWN: Final = timedelta(days=7)
"""A lane whose assistant has had no turn for so long has none to judge."""

_REPLIED: Final = ("sent", "handed-over")


def measure_times(db: Database, goal: AssistantTimeGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    for lane, turns in _turns(db, lanes, goal.period):
        times = sorted(row["milliseconds"] / 1000 for row in turns if row["outcome"] in _REPLIED)
        enough = len(times) >= goal.fewest
        yield Reading(goal.name, times[ceil(goal.share * len(times)) - 1] if enough else None, lane)


def measure_deliveries(db: Database, goal: AssistantDeliveredGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    within = goal.within.total_seconds()
    for lane in _lanes(db, {name: one for name, one in lanes.items() if one.webhooks_enabled}):
        with db.read() as tx:
            times = _delivery_seconds(tx, lane, goal)
        in_time = sum(1 for seconds in times if seconds is not None and seconds <= within)
        yield Reading(goal.name, in_time / len(times) if len(times) >= goal.fewest else None, lane)


def measure_hand_overs(db: Database, goal: AssistantHandOverGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    for lane, turns in _turns(db, lanes, goal.period):
        replied = [row["outcome"] for row in turns if row["outcome"] in _REPLIED]
        share = replied.count("handed-over") / len(replied) if len(replied) >= goal.fewest else None
        yield Reading(goal.name, share, lane)


def measure_failures(db: Database, goal: AssistantFailedGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    for lane, turns in _turns(db, lanes, goal.period):
        yield Reading(goal.name, sum(1 for row in turns if row["outcome"] == "failed" or row["failure"]), lane)


def measure_model(db: Database, goal: AssistantModelGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    """The model is one for the whole deployment; without an assistant there is none to judge."""
    if _lanes(db, lanes):
        with db.read() as tx:
            since = load_breaker(tx).since
            yield Reading(goal.name, (tx.now - since).total_seconds() if since else 0.0)


def measure_prices(db: Database, goal: AssistantPriceGoal, lanes: Mapping[str, Lane]) -> Iterator[Reading]:
    for lane, turns in _turns(db, lanes, goal.period):
        talks = {row["person"] for row in turns}
        price = sum(row["price"] for row in turns) / MICROS / len(talks) if len(talks) >= goal.fewest else None
        yield Reading(goal.name, price, lane)


def _lanes(db: Database, lanes: Mapping[str, Lane]) -> list[str]:
    """Return the lanes that have an assistant: it has had a turn lately."""
    with db.read() as tx:
        return [
            lane
            for lane in lanes
            if tx.execute(select(turn.c.id).where(turn.c.lane == lane, turn.c.at > tx.now - SHOWN).limit(1)).first()
        ]


def _turns(db: Database, lanes: Mapping[str, Lane], period: timedelta) -> Iterator[tuple[str, list[Row]]]:
    """Yield the newest turns of the period for each lane with an assistant."""
    columns = (turn.c.person, turn.c.outcome, turn.c.milliseconds, turn.c.failure, turn.c.price)
    for lane in _lanes(db, lanes):
        with db.read() as tx:
            newest = select(*columns).where(turn.c.lane == lane, turn.c.at > tx.now - period)
            found = tx.rows(newest.order_by(turn.c.at.desc()).limit(SAMPLE))
        yield lane, found


def _delivery_seconds(tx: Transaction, lane: str, goal: AssistantDeliveredGoal) -> list[float | None]:
    """Return the seconds from a turn to the delivery of its answer, None without one.

    An answer that the gate dropped, because the talk had moved on, was not to be delivered.
    """
    delivered_at = (
        select(func.min(trace.c.at))
        .where(trace.c.message_id == turn.c.message_id, trace.c.event.in_((State.DELIVERED, State.READ)))
        .scalar_subquery()
    )
    answers = (
        select(turn.c.at, delivered_at.label("delivered_at"))
        .join(message, message.c.id == turn.c.message_id)
        .where(
            turn.c.lane == lane,
            turn.c.at > tx.now - goal.within - goal.period,
            turn.c.at <= tx.now - goal.within,
            message.c.state != State.CANCELLED.value,
        )
        .order_by(turn.c.at.desc())
        .limit(SAMPLE)
    )
    return [
        max(0.0, (row.delivered_at - row.at).total_seconds()) if row.delivered_at else None
        for row in tx.execute(answers)
    ]
