"""The halt of scope `assistant`: all workers count the failures of the model, and stop asking it together."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import delete, select, update

from harkara.assistant.breaker import FAILURES, PROBE, MayAsk, pause, recent
from harkara.ledger.database import Database
from harkara.ledger.halts import MODEL
from harkara.ledger.tables import halt
from harkara.ledger.transaction import Transaction

BreakerChange = Literal["opened", "closed"]
BreakerState = Literal["closed", "open", "probing"]


class ModelBreaker(NamedTuple):
    """The breaker of the model: `since` it opened first, and `until` it is not asked; None while it is closed."""

    state: BreakerState = "closed"
    since: datetime | None = None
    until: datetime | None = None


_MINE = (halt.c.lane == "", halt.c.scope == MODEL, halt.c.subject == "")


def may_ask(db: Database) -> MayAsk:
    """Return whether the model may be asked. Once a pause is over, one caller of all may: the probe.

    Raises Unavailable.
    """
    with db.read() as tx:
        found = tx.rows(select(halt).where(*_MINE))
        now = tx.now
    if not found or found[0]["code"] == "counting":
        return "yes"
    if found[0]["until"] > now:
        return "no"
    with db.write() as tx:
        values = {"code": "probing", "until": tx.now + PROBE}
        is_probe = tx.execute(update(halt).where(*_MINE, halt.c.until <= tx.now).values(**values)).rowcount
        return "probe" if is_probe else "no"


def read_breaker(db: Database) -> ModelBreaker:
    """Return whether the model is asked. Raises Unavailable."""
    with db.read() as tx:
        return load_breaker(tx)


def load_breaker(tx: Transaction) -> ModelBreaker:
    found = next(iter(tx.rows(select(halt).where(*_MINE))), None)
    if found is None or found["code"] == "counting":
        return ModelBreaker()
    return ModelBreaker("probing" if found["code"] == "probing" else "open", found["since"], found["until"])


def record_outcome(db: Database, failed: bool) -> BreakerChange | None:
    """Record whether the model failed, and return whether that opened or closed the breaker. Raises Unavailable.

    A success ends the halt only while a probe runs: it may be of a question from before.
    """
    if not failed:
        return _record_success(db)
    with db.write() as tx:
        row = {"lane": "", "scope": MODEL, "subject": "", "code": "counting", "reason": "", "since": tx.now, "times": 0}
        tx.execute(tx.insert_new(halt), row)
        state = tx.rows(select(halt).where(*_MINE).with_for_update())[0]
        if state["code"] == "open":
            return None
        times, opens = state["times"], state["code"] == "probing"
        if not opens:
            failures = [*recent([datetime.fromisoformat(at) for at in state["reason"].split()], tx.now), tx.now]
            opens = len(failures) >= FAILURES
            state["reason"] = " ".join(at.isoformat() for at in failures[-FAILURES:])
        values = {"reason": state["reason"]}
        if opens:
            values = {"code": "open", "reason": "the model failed", "until": tx.now + pause(times), "times": times + 1}
            values |= {} if times else {"since": tx.now}
        tx.execute(update(halt).where(*_MINE).values(**values))
        return "opened" if opens and not times else None


def _record_success(db: Database) -> BreakerChange | None:
    with db.read() as tx:
        if not tx.rows(select(halt.c.code).where(*_MINE, halt.c.code == "probing")):
            return None
    with db.write() as tx:
        return "closed" if tx.execute(delete(halt).where(*_MINE, halt.c.code == "probing")).rowcount else None
