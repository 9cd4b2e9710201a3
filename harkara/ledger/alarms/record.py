"""Record what was measured for the goals, and open and close their alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from sqlalchemy import delete, insert, select, update

from harkara.goals import Goal, Goals, Reading
from harkara.goals.alarm import Alarm
from harkara.ledger.alarms.alarms import IS_OPEN, close_alarm, delete_old_alarms, open_alarm
from harkara.ledger.database import Database
from harkara.ledger.tables import alarm, goal
from harkara.ledger.transaction import Row, Transaction

FORGOTTEN: Final = timedelta(hours=1)
"""After this time without a measurement a goal is no longer watched: its section, its lane or its host is gone."""

_SENTENCE: Final = 400


class GoalStatus(NamedTuple):
    """What was measured last for a goal; `lane` and `subject` are empty for the whole deployment.

    `value` is None when there was nothing to judge. `since` is when the goal was first missed, or first met again.
    """

    goal: str
    lane: str
    subject: str
    value: float | None
    limit: float
    missed: bool
    since: str
    measured_at: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Changes:
    """The alarms that one round opened and closed."""

    opened: Sequence[Alarm]
    closed: Sequence[Alarm]


_Key = tuple[str, str, str]


def record(db: Database, goals: Goals, readings: Iterable[Reading], receivers: Sequence[str]) -> Changes:
    """Record the readings of one round; open the alarms of goals that are missed for long, and close those of others.

    Each opening and closing has its callback, and a notice for each of `receivers`, in the same transaction. A reading
    of a goal that is not watched is left out. Raises Unavailable.
    """
    watched = goals.by_name
    measured = {_key(each): each for each in readings if each.goal in watched}
    with db.write() as tx:
        tx.lock("goals")  # a worker that was thought dead may still be at it
        before = {_row_key(row): row for row in tx.rows(select(goal))}
        now = [_judge(tx, before.get(key), each, watched[each.goal]) for key, each in measured.items()]
        _write(tx, before, now)
        open_alarms = {_row_key(row): row for row in tx.rows(select(alarm).where(IS_OPEN))}
        opened = [
            open_alarm(tx, _new_alarm(row, watched[row["goal"]]), receivers)
            for row in now
            if row["missed"] and _row_key(row) not in open_alarms and row["since"] <= tx.now - goals.open_after
        ]
        met = {_row_key(row) for row in now if not row["missed"] and row["since"] <= tx.now - goals.close_after}
        met |= open_alarms.keys() - {_row_key(row) for row in now} - _still_watched(tx, before)
        closed = [close_alarm(tx, row, receivers) for key, row in sorted(open_alarms.items()) if key in met]
        tx.execute(delete(goal).where(goal.c.measured_at < tx.now - FORGOTTEN))
        delete_old_alarms(tx)
    return Changes(opened, closed)


def list_goals(db: Database) -> list[GoalStatus]:
    """Return what was measured last, by goal, lane and subject. Raises Unavailable."""
    with db.read() as tx:
        return [
            GoalStatus(
                row["goal"],
                row["lane"],
                row["subject"],
                row["value"],
                row["bound"],
                row["missed"],
                row["since"].isoformat(timespec="seconds"),
                row["measured_at"].isoformat(timespec="seconds"),
                (tx.now - row["measured_at"]).total_seconds(),
            )
            for row in tx.rows(select(goal).order_by(goal.c.goal, goal.c.lane, goal.c.subject))
        ]


def _judge(tx: Transaction, before: Row | None, reading: Reading, watched: Goal) -> Row:
    missed = watched.is_missed(reading.value)
    since = before["since"] if before and before["missed"] == missed else tx.now
    since = min(since, tx.now)  # the clock of the database was set back
    key = dict(zip(_KEY, _key(reading), strict=True))
    return key | {
        "value": reading.value,
        "bound": watched.limit,
        "missed": missed,
        "since": since,
        "measured_at": tx.now,
    }


def _write(tx: Transaction, before: Mapping[_Key, Row], now: Sequence[Row]) -> None:
    if new := [row for row in now if _row_key(row) not in before]:
        tx.execute(insert(goal), new)
    for row in now:
        if _row_key(row) in before:
            same = (goal.c[name] == row[name] for name in _KEY)
            tx.execute(update(goal).where(*same).values(**row))


def _still_watched(tx: Transaction, before: Mapping[_Key, Row]) -> set[_Key]:
    """Return what was measured a short while ago: a round may lack it, because Redis does not answer for example."""
    return {key for key, row in before.items() if row["measured_at"] >= tx.now - FORGOTTEN}


def _new_alarm(row: Row, watched: Goal) -> Row:
    named = {name: row[name] for name in (*_KEY, "value", "bound")}
    return named | {"sentence": watched.sentence(row["value"])[:_SENTENCE], "missed_since": row["since"]}


_KEY: Final = ("goal", "lane", "subject")


def _key(reading: Reading) -> _Key:
    return reading.goal, reading.lane, reading.subject


def _row_key(row: Row) -> _Key:
    return row["goal"], row["lane"], row["subject"]
