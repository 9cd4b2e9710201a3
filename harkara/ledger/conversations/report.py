"""Read the turns of the assistant for its figures, the newest of each lane by their index."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import select, union_all

from harkara.assistant.report import AssistantReport, TurnFacts, report_turns
from harkara.ledger.database import Database
from harkara.ledger.tables import turn

MOST_TURNS = 5000
"""Turns that a report reads; the lanes share them."""

_FEWEST = 50
"""Turns of each lane that a report reads however many lanes there are."""


def get_report(db: Database, lanes: Collection[str], *, days: float, limit: int = MOST_TURNS) -> AssistantReport:
    """Return the figures of these lanes and days, from the newest turns of each lane. Raises Unavailable."""
    names = sorted(set(lanes))
    most = max(limit // max(len(names), 1), _FEWEST)
    columns = (*(turn.c[name] for name in TurnFacts._fields), turn.c.lane)
    with db.read() as tx:
        since = tx.now - timedelta(days=days)
        newest = select(*columns).where(turn.c.at >= since).order_by(turn.c.at.desc()).limit(most + 1)
        parts = [select(newest.where(turn.c.lane == lane).subquery()) for lane in names]
        rows = [tuple(row) for row in tx.execute(union_all(*parts))] if parts else []
    of_lane: dict[str, list[TurnFacts]] = {lane: [] for lane in names}
    for *facts, lane in rows:
        of_lane[lane].append(TurnFacts(*facts))
    read = (each for turns in of_lane.values() for each in turns[:most])
    return report_turns(read, since=since, exact=all(len(turns) <= most for turns in of_lane.values()))
