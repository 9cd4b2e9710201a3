"""How the newest messages of each template went, by its approved name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, String, bindparam, func, select, union_all

from harkara.ledger.conditions import SETTLED
from harkara.ledger.database import Database
from harkara.ledger.messages.search import NEWEST_FIRST, id_at
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import State

_NEVER_SENT = (State.CANCELLED.value,)


@dataclass(frozen=True, slots=True)
class LastFailure:
    """The newest message that failed."""

    message_id: str
    code: str | None
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """What became of the newest messages: `used` were sent, `failed` of them failed.

    `exact` is False if there are more messages than were read.
    """

    used: int = 0
    failed: int = 0
    exact: bool = True
    last_failure: LastFailure | None = None

    @property
    def failure_share(self) -> float:
        """The failed ones among those that were sent, from 0 to 100."""
        return 100 * self.failed / self.used if self.used else 0.0


def get_template_use(
    db: Database, names: Collection[str], *, since: datetime, most: int, lanes: Collection[str] | None = None
) -> dict[str, TemplateUse]:
    """Return the use of each approved name since then, read from its `most` newest messages, which have an outcome.

    Messages are counted by the time of their hand-over, and by `lanes` if these are given. Raises Unavailable.
    """
    if not names:
        return {}
    with db.read(snapshot=True) as tx:
        rows = tx.rows(_grouped(tuple(sorted(names)), most), {"since": id_at(since)})
        mine = [row for row in rows if lanes is None or row["lane"] in lanes]
        failures = _failures(tx, mine)
    return {
        name: TemplateUse(
            used=sum(row["number"] for row in mine if row["template"] == name and row["state"] not in _NEVER_SENT),
            failed=sum(row["number"] for row in mine if row["template"] == name and row["state"] == State.FAILED),
            exact=sum(row["number"] for row in rows if row["template"] == name) < most,
            last_failure=failures.get(name),
        )
        for name in names
    }


@lru_cache
def _grouped(names: tuple[str, ...], most: int) -> Select[*tuple[Any, ...]]:
    """Select how many of the newest messages of each name are in each state and lane; to build it takes 5 ms."""
    newest = union_all(*(_newest(name, most) for name in names)).subquery()
    number, last = func.count().label("number"), func.max(newest.c.id).label("last")
    grouped = select(newest.c.template, newest.c.state, newest.c.lane, number, last)
    return grouped.group_by(newest.c.template, newest.c.state, newest.c.lane)


def _newest(name: str, most: int) -> Select[tuple[str | None, str, str, str]]:
    columns = (message.c.template, message.c.state, message.c.lane, message.c.id)
    mine = (message.c.template == name, SETTLED, message.c.id >= bindparam("since", type_=String))
    part = select(*columns).where(*mine).order_by(NEWEST_FIRST).limit(most).subquery()
    return select(*part.c)


def _failures(tx: Transaction, rows: Sequence[Row]) -> dict[str, LastFailure]:
    last: dict[str, str] = {}
    for row in rows:
        if row["state"] == State.FAILED:
            last[row["template"]] = max(row["last"], last.get(row["template"], ""))
    if not last:
        return {}
    columns = (message.c.template, message.c.id, message.c.code, message.c.reason, message.c.changed_at)
    found = tx.rows(select(*columns).where(message.c.id.in_(last.values())))
    return {row["template"]: LastFailure(row["id"], row["code"], row["reason"], row["changed_at"]) for row in found}
