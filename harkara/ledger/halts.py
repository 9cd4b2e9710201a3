"""Halts: parked lanes, open breakers, and templates, recipients and producers that are paused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Select, delete, insert, select, update

from harkara.ledger.callbacks.notify import notify
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.lock_order import lock_messages
from harkara.ledger.tables import halt, message
from harkara.ledger.transaction import Row, Transaction
from harkara.outcomes import Pause
from harkara.states import State

PRODUCER = "producer"
"""The scope of a halt that holds the messages of one producer, such as a campaign."""

MODEL: Final = "assistant"
"""The scope of the halt of the language model."""

STAGE: Final = "campaign-stage"
"""The code of a halt that holds the later stages of a campaign until they begin."""

BUDGET: Final = "budget"
"""The scope of a halt that holds marketing, of a lane or of a campaign whose budget is used up."""

RESTORED: Final = "restored"
"""The code of a lane's halt, and of a message, after the ledger was restored."""

FAILOVER: Final = "failover"
"""The code of a lane's halt after PostgreSQL has lost POSTs, or may have."""

TO_RECOVER: Final = (RESTORED, FAILOVER)
"""The codes of halts that only `harkara recover` ends."""

LANES_TO_RECOVER: Final = f"SELECT lane FROM halt WHERE scope = 'lane' AND code IN ('{RESTORED}', '{FAILOVER}')"
"""SQL: the lanes whose messages are neither claimed nor expired, since they may have been sent, until it has marked
those.
"""

RESUMED = ("template-paused", "lane-parked")
"""Codes of the messages that `unpark` makes due at once."""

PARKED: Final = "lane.parked"
UNPARKED: Final = "lane.unparked"
"""The callbacks about a lane."""

OPERATOR: Final = "operator"
"""The code of a lane that an operator has parked, by a command or by `harkara recover`."""

LONGEST_SECONDS = 300.0
"""A breaker that opens again waits twice as long each time, up to this."""

_MAX_EXPONENT = 64
"""A larger exponent could overflow a float; every pause has reached its longest by then."""


@dataclass(frozen=True, slots=True)
class Halt:
    """One halt as the gates see it; `seconds` is the time left, None until an operator lifts it."""

    lane: str
    scope: str
    subject: str
    code: str
    reason: str
    seconds: float | None

    @property
    def probing(self) -> bool:
        """Whether the halt has run out, so that one message may probe the lane."""
        return self.seconds is not None and self.seconds <= 0

    def until(self, now: datetime) -> datetime | None:
        """Return when it ends; None until an operator lifts it."""
        return None if self.seconds is None else now + timedelta(seconds=self.seconds)


class HaltStatus(NamedTuple):
    """A halt of a lane or template as operators see it; `since` and `until` are ISO 8601.

    `state` is `parked` (until an operator lifts it), `paused`, or `probing` (run out: one message may try).
    """

    lane: str
    template: str | None
    state: str
    code: str
    reason: str
    since: str
    until: str | None


def active_halts(tx: Transaction) -> list[Halt]:
    """Return all halts; there are few."""
    return [
        Halt(row.lane, row.scope, row.subject, row.code, row.reason, _seconds_left(row.until, tx.now))
        for row in tx.load(_Row, _ROWS)
    ]


def list_halts(db: Database) -> list[HaltStatus]:
    """Return the halts of lanes and templates. Raises Unavailable."""
    shown = _ROWS.where(halt.c.scope.in_(("lane", "template"))).order_by(halt.c.lane, halt.c.subject)
    with db.read() as tx:
        return [_status(row, tx.now) for row in tx.load(_Row, shown)]


def halted_lanes(db: Database) -> list[HaltStatus]:
    """Return the halts of whole lanes that send nothing now: those that are parked or paused. Raises Unavailable."""
    return [each for each in list_halts(db) if each.template is None and each.state != "probing"]


def parked_lanes(db: Database) -> list[HaltStatus]:
    """Return the halts of the lanes that only an operator opens again. Raises Unavailable."""
    return [each for each in halted_lanes(db) if each.state == "parked"]


def add_halt(tx: Transaction, lane: str, pause: Pause, template: str | None = None) -> None:
    """Halt a lane or template.

    A halt without an end is never shortened, and one that still runs is not prolonged by further failures. A lane that
    waits for `harkara recover` stays so, whatever answers and webhooks ask for. The application is notified of a lane
    that is parked, once for each code.
    """
    subject = (template or "") if pause.scope == "template" else ""
    mine = (halt.c.lane == lane, halt.c.scope == pause.scope, halt.c.subject == subject)
    values: Row = {"code": pause.code, "reason": pause.reason[:1000], "since": tx.now}
    before = _locked(tx, *mine)
    if before is None:
        until = _until(pause, 0, tx.now)
        row = values | {"lane": lane, "scope": pause.scope, "subject": subject, "until": until, "times": 1}
        if tx.execute(tx.insert_new(halt).returning(halt.c.lane), row).first():
            _notify_parked(tx, lane, pause)
            return
        before = _locked(tx, *mine)  # another transaction has just added one
    if before is None or _outlasts(before, pause, tx.now):
        return
    is_new = before.until is not None or before.code != pause.code
    values |= {"since": tx.now if is_new else before.since, "until": _until(pause, before.times, tx.now)}
    tx.execute(update(halt).where(*mine).values(times=before.times + 1, **values))
    if is_new:
        _notify_parked(tx, lane, pause)


def _outlasts(before: _Row, pause: Pause, now: datetime) -> bool:
    """Return whether the halt stays as it is."""
    if before.code in TO_RECOVER and pause.code not in (OPERATOR, *TO_RECOVER):
        return True
    return pause.seconds is not None and (before.until is None or before.until > now)


def add_halts(tx: Transaction, pauses: Iterable[tuple[str, Pause, str | None]]) -> None:
    """Add halts, each given by its lane, pause and template.

    They are written in one order, since two writers would otherwise deadlock. A pause of a recipient is only the
    message's own wait: other messages to the same person find out by themselves.
    """
    for lane, pause, template in sorted(pauses, key=lambda each: (each[0], each[1].scope, each[2] or "")):
        if pause.scope != "recipient":
            add_halt(tx, lane, pause, template)


def hold_producer(
    tx: Transaction, lane: str, producer: str, code: str, reason: str, until: datetime | None = None
) -> None:
    """Hold the waiting messages of a producer until a moment, or until they are released; replaces an earlier hold."""
    release_producer(tx, lane, producer)
    row = {"lane": lane, "scope": PRODUCER, "subject": producer, "code": code, "reason": reason[:1000]}
    tx.execute(insert(halt), row | {"since": tx.now, "until": until, "times": 1})


def release_producer(tx: Transaction, lane: str, producer: str) -> None:
    tx.execute(delete(halt).where(halt.c.lane == lane, halt.c.scope == PRODUCER, halt.c.subject == producer))


def end_probed_halts(tx: Transaction, lanes: Iterable[str]) -> None:
    """End the halts of lanes that Chat Mitra answered for, if they have run out: the answer was the probe's.

    A halt that still runs stays, since the answer may be to a message that was sent before it began. A row that
    another transaction has locked is left to that transaction.
    """
    over = select(halt.c.lane).where(halt.c.lane.in_(sorted(lanes)), halt.c.scope == "lane", halt.c.until <= tx.now)
    free = over.with_for_update(skip_locked=True)
    tx.execute(delete(halt).where(halt.c.scope == "lane", halt.c.until <= tx.now, halt.c.lane.in_(free)))


def park(db: Database, lane: str, reason: str, code: str = OPERATOR) -> None:
    """Stop a lane until an operator unparks it: its messages wait and use up no attempts."""
    with db.write() as tx:
        add_halt(tx, lane, Pause("lane", None, code, reason))


def lift_halts(tx: Transaction, lane: str) -> int:
    """Lift the halts of a lane and of its templates, and make their messages due; return how many were lifted.

    Producers stay on hold: the commands that paused a campaign resume it. So does what waits for a budget.
    """
    resumed = (message.c.lane == lane, in_state(State.WAITING), message.c.code.in_(RESUMED), message.c.due_at > tx.now)
    lock_messages(tx, *resumed)
    lifting = delete(halt).where(halt.c.lane == lane, halt.c.scope.not_in((PRODUCER, BUDGET)))
    lifted = tx.load(_Row, lifting.returning(*_COLUMNS))
    for row in lifted:
        if row.scope == "lane" and row.until is None:
            notify(tx, UNPARKED, lane, lane, _callback_data(lane, row.code, row.reason, row.since))
    tx.execute(update(message).where(*resumed).values(due_at=tx.now))
    return len(lifted)


class _Row(NamedTuple):
    lane: str
    scope: str
    subject: str
    code: str
    reason: str
    since: datetime
    until: datetime | None
    times: int


_COLUMNS = tuple(halt.c[name] for name in _Row._fields)
_ROWS: Select[tuple[object, ...]] = select(*_COLUMNS)


def _locked(tx: Transaction, *mine: ColumnElement[bool]) -> _Row | None:
    """Return the halt, which no other transaction changes before this one ends: of two that park, one notifies."""
    return next(iter(tx.load(_Row, _ROWS.where(*mine).with_for_update())), None)


def _notify_parked(tx: Transaction, lane: str, pause: Pause) -> None:
    if pause.scope == "lane" and pause.seconds is None:
        notify(tx, PARKED, lane, lane, _callback_data(lane, pause.code, pause.reason[:1000], tx.now))


def _callback_data(lane: str, code: str, reason: str, since: datetime) -> Row:
    """Return the data of both callbacks: the halt that begins or has ended."""
    return {"lane": lane, "code": code, "reason": reason, "since": since.isoformat()}


def _seconds_left(until: datetime | None, now: datetime) -> float | None:
    return None if until is None else (until - now).total_seconds()


def _status(row: _Row, now: datetime) -> HaltStatus:
    state = "parked" if row.until is None else "paused" if row.until > now else "probing"
    since = row.since.isoformat(timespec="seconds")
    until = row.until.isoformat(timespec="seconds") if row.until else None
    return HaltStatus(row.lane, row.subject or None, state, row.code, row.reason, since, until)


def _until(pause: Pause, times: int, now: datetime) -> datetime | None:
    if pause.seconds is None:
        return None
    longest = max(pause.seconds, LONGEST_SECONDS)
    return now + timedelta(seconds=min(longest, pause.seconds * 2 ** min(times, _MAX_EXPONENT)))
