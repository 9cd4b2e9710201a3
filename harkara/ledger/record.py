"""Record: marks a message `sending` before its POST, and writes what became of it afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python
from sqlalchemy import ColumnElement, bindparam, case, insert, literal_column, tuple_, update

from harkara.ledger.claim import Claimed, in_state
from harkara.ledger.database import Row, Transaction
from harkara.ledger.halts import halt, lane_works
from harkara.ledger.tables import attempt, message, trace
from harkara.outcomes import Accepted, Cancelled, Outcome, Pause, Refused, Uncertain, Wait
from harkara.states import State


@dataclass(frozen=True, slots=True)
class Begin:
    """The intent to POST, to be durable before the first byte leaves."""

    claimed: Claimed
    worker: str
    gates: str
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class Finish:
    """What became of one claim. `posted` says whether it has an attempt; without one a gate stopped it."""

    id: str
    epoch: int
    lane: str
    template: str | None
    expires_at: datetime
    outcome: Outcome
    posted: bool

    @classmethod
    def of(cls, claimed: Claimed, outcome: Outcome, *, posted: bool) -> Finish:
        c = claimed
        return cls(c.id, c.epoch, c.lane, c.template, c.expires_at, outcome, posted)

    def to_dict(self) -> dict[str, Any]:
        """For the way through Redis; neither number nor text is in it."""
        return to_jsonable_python(self) | {"kind": type(self.outcome).__name__}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finish:
        """Raises pydantic's ValidationError for what `to_dict` did not write."""
        rest = {key: value for key, value in data.items() if key != "kind"}
        rest["outcome"] = TypeAdapter(_OUTCOMES[data["kind"]]).validate_python(rest["outcome"])
        return TypeAdapter(cls).validate_python(rest)


_OUTCOMES: dict[str, type[Outcome]] = {kind.__name__: kind for kind in (Accepted, Wait, Refused, Cancelled, Uncertain)}


def begin(tx: Transaction, begins: Sequence[Begin]) -> set[str]:
    """Marks as `sending` those whose claim still holds, each with its attempt; returns their ids.

    The others were cancelled, or swept and claimed by somebody else, while this worker slept: no POST for them.
    """
    held = update(message).where(
        tuple_(message.c.id, message.c.epoch).in_([(b.claimed.id, b.claimed.epoch) for b in begins]),
        in_state(State.CLAIMED),
        # A lease that has run out may have been seen by a sweep which has not committed yet.
        message.c.lease_until > tx.now,
    )
    ids = set(
        tx.execute(
            held.values(
                state=State.SENDING.value,
                tries=message.c.tries + 1,
                lease_until=tx.now + timedelta(seconds=begins[0].lease_seconds),
                posted_at=tx.now,
                changed_at=tx.now,
            ).returning(message.c.id)
        ).scalars()
    )
    if ids:
        tx.execute(insert(attempt), [_attempt(b, tx.now) for b in begins if b.claimed.id in ids])
    return ids


def finish(tx: Transaction, finishes: Sequence[Finish]) -> None:
    """Writes the outcomes. One that comes late still counts, as long as nobody claimed the message again."""
    posted = [f for f in finishes if f.posted]
    if posted:
        tx.execute(_CLOSE_ATTEMPT, [_answer(f, tx.now) for f in posted])
    accepted = [f for f in posted if isinstance(f.outcome, Accepted)]
    if accepted:
        tx.execute(_ACCEPT, [_answer(f, tx.now) for f in accepted])
    answered = {f.lane for f in posted if isinstance(f.outcome, Accepted | Refused) and f.outcome.status}
    if answered:
        lane_works(tx, answered)
    for each in finishes:
        if not isinstance(each.outcome, Accepted):
            _settle(tx, each)


_MINE = (message.c.id == bindparam("of_id"), message.c.epoch == bindparam("of_epoch"))
_IS_CODE = literal_column("category = 'authentication'")
_BLANKED = {
    # A one-time code is worth nothing to anyone once its message is done, and its digest could be guessed back.
    "body": case((_IS_CODE, None), else_=message.c.body),
    "digest": case((_IS_CODE, None), else_=message.c.digest),
}
CANCELLED: ColumnElement[str] = case(
    # An earlier try of it may have arrived: calling it cancelled would hide that.
    (message.c.resends > 0, State.UNCERTAIN.value),
    else_=State.CANCELLED.value,
)
"""The state of a message that will not be sent any more."""

_OUT_OF_HAND = {"lease_until": None, "resend_at": None, "strikes": 0}

_ACCEPT = (
    update(message)
    # `waiting` and `queued` at this epoch: the policy wanted it sent again, and the answer to the first try came in time.
    .where(*_MINE, in_state(State.SENDING, State.UNCERTAIN, State.WAITING, State.QUEUED))
    .values(
        state=State.ACCEPTED.value,
        job_id=bindparam("to_job"),
        changed_at=bindparam("to_now"),
        code=None,
        reason=None,
        **_OUT_OF_HAND,
        **_BLANKED,
    )
)
_CLOSE_ATTEMPT = (
    update(attempt)
    .where(attempt.c.message_id == bindparam("of_id"), attempt.c.epoch == bindparam("of_epoch"))
    .values(
        ended_at=bindparam("to_now"),
        outcome=bindparam("to_outcome"),
        status=bindparam("to_status"),
        code=bindparam("to_code"),
        text=bindparam("to_text"),
        job_id=bindparam("to_job"),
    )
)


def _key(finish: Finish, now: datetime) -> Row:
    return {"of_id": finish.id, "of_epoch": finish.epoch, "to_now": now}


def _attempt(begin: Begin, now: datetime) -> Row:
    c = begin.claimed
    return {
        "message_id": c.id,
        "epoch": c.epoch,
        "lane": c.lane,
        "weight": c.weight,
        "worker": begin.worker,
        "gates": begin.gates,
        "claimed_at": c.claimed_at,
        "started_at": now,
    }


def _answer(finish: Finish, now: datetime) -> Row:
    outcome = finish.outcome
    return _key(finish, now) | {
        "to_outcome": type(outcome).__name__.lower(),
        "to_status": getattr(outcome, "status", None),
        "to_code": getattr(outcome, "code", None),
        "to_text": outcome.text if isinstance(outcome, Refused) else getattr(outcome, "reason", None),
        "to_job": outcome.job_id if isinstance(outcome, Accepted) else None,
    }


def _settle(tx: Transaction, finish: Finish) -> None:
    """Writes one outcome other than `Accepted`, with its line in the trace and what it pauses."""
    state, values = _verdict(finish, tx.now)
    hands = (State.SENDING, State.UNCERTAIN) if finish.posted else (State.CLAIMED,)
    moved = tx.execute(
        update(message)
        .where(*_MINE, in_state(*hands))
        .values(state=state, changed_at=tx.now, **values)
        .returning(message.c.state),
        {"of_id": finish.id, "of_epoch": finish.epoch},
    ).scalar_one_or_none()
    outcome = finish.outcome
    if moved:
        note(tx, finish.id, moved, values["code"], values["reason"])
    # A recipient's pause is the message's own wait: others to the same person find out by themselves.
    if isinstance(outcome, Wait | Refused) and outcome.pause and outcome.pause.scope != "recipient":
        halt(tx, finish.lane, outcome.pause, finish.template)


def _verdict(finish: Finish, now: datetime) -> tuple[State | ColumnElement[str], dict[str, Any]]:
    """The state that an outcome leads to, and the columns that go with it."""
    match finish.outcome:
        case Wait(seconds=seconds, code=code, reason=reason, spent=spent, pause=pause):
            unspent = finish.posted and not spent
            return State.WAITING, _OUT_OF_HAND | {
                "due_at": _due(seconds, pause, finish.expires_at, now),
                "tries": message.c.tries - (1 if unspent else 0),
                "waits": message.c.waits + (1 if unspent else 0),
                "code": code,
                "reason": reason,
            }
        case Uncertain(code=code, reason=reason, resend_after=after):
            resend_at = None if after is None else now + timedelta(seconds=after)
            return State.UNCERTAIN, _OUT_OF_HAND | {"resend_at": resend_at, "code": code, "reason": reason}
        case Refused(code=code, text=text, advice=advice):
            return State.FAILED, final(code, f"{advice} Chat Mitra said: {text}" if text else advice)
        case Cancelled(code=code, reason=reason):
            return CANCELLED, final(code, reason)
        case Accepted():
            raise AssertionError("an accepted message is written with all the others")


def _due(seconds: float | None, pause: Pause | None, expires_at: datetime, now: datetime) -> datetime:
    if seconds is not None:
        return now + timedelta(seconds=seconds)
    # A parked lane holds its messages by itself; a parked message waits for the operator, or for its deadline.
    return now if pause else expires_at


def final(code: str, reason: str) -> dict[str, Any]:
    """The columns of a message that will not move again."""
    return {**_OUT_OF_HAND, **_BLANKED, "code": code, "reason": reason[:1000]}


def note(tx: Transaction, identity: str, event: str, code: str | None, detail: str | None) -> None:
    """Adds a line to the trace of a message."""
    line = {"message_id": identity, "at": tx.now, "event": event, "code": code, "detail": (detail or "")[:1000]}
    tx.execute(insert(trace), line)
