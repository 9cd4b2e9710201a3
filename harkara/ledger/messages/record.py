"""Record: marks a message `sending` before its POST, and writes what became of it afterwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python
from sqlalchemy import ColumnElement, case, insert, literal_column, or_, true, update

from harkara.ledger.callbacks.notify import tell_states
from harkara.ledger.conditions import still_in
from harkara.ledger.database import Row, Transaction, to_sql
from harkara.ledger.halts import add_halts, end_probed_halts
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.fallback import replacement
from harkara.ledger.tables import message, trace
from harkara.outcomes import Accepted, Cancelled, Outcome, Pause, Refused, Replaced, Uncertain, Wait
from harkara.states import State


@dataclass(frozen=True, slots=True)
class Begin:
    """The intent to POST, to be durable before the first byte leaves.

    `echo` is what an event of it will show, where events are heard (see `harkara.inbound.fingerprint`).
    """

    claimed: Claimed
    worker: str
    gates: str
    lease_seconds: float
    echo: str | None = None


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
        """For the way through Redis; neither the number nor the message's text is in it."""
        fields: dict[str, Any] = to_jsonable_python(self)
        return fields | {"kind": type(self.outcome).__name__}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finish:
        """Raises KeyError or pydantic's ValidationError for what `to_dict` did not write."""
        rest = {key: value for key, value in data.items() if key != "kind"}
        rest["outcome"] = TypeAdapter(_OUTCOMES[data["kind"]]).validate_python(rest["outcome"])
        return TypeAdapter(cls).validate_python(rest)


_OUTCOMES: dict[str, type[Outcome]] = {
    kind.__name__: kind for kind in (Accepted, Wait, Refused, Cancelled, Replaced, Uncertain)
}


def begin(tx: Transaction, begins: Sequence[Begin]) -> set[tuple[str, int]]:
    """Marks as `sending` those whose claim still holds, each with its attempt; returns their ids and epochs.

    The others were cancelled, or swept and claimed by somebody else, while this worker slept: no POST for them.
    """
    lease = tx.now + timedelta(seconds=begins[0].lease_seconds)
    claims = [{"id": b.claimed.id, "epoch": b.claimed.epoch} for b in sorted(begins, key=lambda b: b.claimed.id)]
    held = {(row.id, row.epoch) for row in tx.execute_each(_BEGIN, _KEY, claims, now=tx.now, lease=lease)}
    if held:
        opened = [_attempt(b) for b in begins if (b.claimed.id, b.claimed.epoch) in held]
        tx.execute_each(_OPEN_ATTEMPT, _ATTEMPT, opened, now=tx.now)
    return held


def finish(tx: Transaction, finishes: Sequence[Finish], works: Collection[str] = ()) -> set[str]:
    """Writes the outcomes. One that comes late still counts, as long as nobody claimed the message again.

    That Chat Mitra took a message counts even then: what is known to have arrived is not sent once more. Nothing lowers
    what an event has raised meanwhile. An answer also ends the halt for which it was the probe, which is not looked for
    in lanes that are known to work; returns those that do now.
    """
    # Messages, then attempts, then halts, each in one order: else two who write could wait for each other for ever.
    finishes = sorted(finishes, key=lambda f: f.id)
    posted = [f for f in finishes if f.posted]
    accepted = [f for f in posted if isinstance(f.outcome, Accepted)]
    if 0 < len(accepted) < len(finishes) and not tx.sqlite:
        tx.execute_each(_HOLD, {"id": "text"}, [{"id": f.id} for f in finishes])
    if accepted:
        answers = [_answer(f) for f in accepted]
        moved = tx.execute_each(_ACCEPT, _ANSWER, answers, now=tx.now).all()
        tell_states(tx, [{"id": row.id, "state": State.ACCEPTED} for row in moved])
        if len(moved) < len(answers):
            tx.execute_each(_NAME_JOB, _ANSWER, answers)
    paused = [(f, pause) for f in finishes if not isinstance(f.outcome, Accepted) and (pause := _settle(tx, f))]
    if posted:
        tx.execute_each(_CLOSE_ATTEMPT, _ANSWER, [_answer(f) for f in posted], now=tx.now)
    add_halts(tx, [(f.lane, pause, f.template) for f, pause in paused])
    answered = {f.lane for f in posted if isinstance(f.outcome, Accepted | Refused | Replaced) and f.outcome.status}
    if fresh := answered.difference(works):
        end_probed_halts(tx, fresh)
    return fresh


_IS_CODE = "category = 'authentication'"
_BLANKED = {
    # A one-time code is worth nothing to anyone once its message is done, and its digest could be guessed back.
    "body": case((literal_column(_IS_CODE), None), else_=message.c.body),
    "digest": case((literal_column(_IS_CODE), None), else_=message.c.digest),
    # Nothing needs it any more, and a code may be in it whatever the message itself is.
    "fallback": None,
}
CANCELLED_OR_UNCERTAIN: ColumnElement[str] = case(
    # An earlier try of it may have arrived: calling it cancelled would hide that.
    (message.c.resends > 0, State.UNCERTAIN.value),
    else_=State.CANCELLED.value,
)
"""The state of a message that will not be sent any more."""

_OUT_OF_HAND = {"lease_until": None, "resend_at": None, "strikes": 0}

# By hand, since these four are the hot path: one statement for all rows of a group commit. The state is wrapped, as in
# `still_in`, to keep the planner on the primary key.
_KEY = {"id": "text", "epoch": "integer"}
_BEGIN = """
UPDATE message
SET state = 'sending', tries = tries + 1, lease_until = :lease, posted_at = :now, changed_at = :now
FROM {each}
WHERE message.id = each.id AND message.epoch = each.epoch AND coalesce(message.state, '') = 'claimed'
  -- A lease that has run out may have been seen by a sweep which has not committed yet.
  AND message.lease_until > :now
RETURNING message.id, message.epoch
"""

_ATTEMPT = _KEY | {"lane": "text", "weight": "integer", "worker": "text", "gates": "text", "echo": "text"}
_ATTEMPT |= {"claimed_at": "timestamptz"}
_OPEN_ATTEMPT = """
INSERT INTO attempt (message_id, epoch, lane, weight, worker, gates, echo, claimed_at, started_at)
SELECT id, epoch, lane, weight, worker, gates, echo, claimed_at, :now FROM {each}
"""

# What is accepted goes first, all of it, and the rest after that: as one order for the locks it will not do.
_HOLD = "SELECT 1 FROM message JOIN {each} ON message.id = each.id ORDER BY message.id FOR UPDATE OF message"
_ANSWER = _KEY | {"outcome": "text", "status": "integer", "code": "text", "said": "text", "job_id": "text"}
_CLOSE_ATTEMPT = """
UPDATE attempt
SET ended_at = :now, outcome = each.outcome, status = each.status, code = each.code, text = each.said,
    job_id = each.job_id
FROM {each} WHERE attempt.message_id = each.id AND attempt.epoch = each.epoch
"""
_ACCEPT = f"""
UPDATE message
SET state = 'accepted', job_id = each.job_id, changed_at = :now, code = NULL, reason = NULL,
    lease_until = NULL, resend_at = NULL, strikes = 0, fallback = NULL,
    body = CASE WHEN {_IS_CODE} THEN NULL ELSE body END, digest = CASE WHEN {_IS_CODE} THEN NULL ELSE digest END
FROM {{each}}
WHERE message.id = each.id
  -- Of whatever epoch: one that was to be sent once more, or just is, need not be; its new worker finds it gone.
  AND coalesce(message.state, '') IN ('sending', 'uncertain', 'waiting', 'queued', 'claimed')
RETURNING message.id
"""
# An event was faster than the answer: the state stays, and so does what is known of a first try.
_NAME_JOB = """
UPDATE message SET job_id = each.job_id
FROM {each}
WHERE message.id = each.id AND message.job_id IS NULL
  AND coalesce(message.state, '') IN ('sent', 'delivered', 'read', 'failed')
"""


def _attempt(begin: Begin) -> Row:
    c = begin.claimed
    return {
        "id": c.id,
        "epoch": c.epoch,
        "lane": c.lane,
        "weight": c.weight,
        "worker": begin.worker,
        "gates": begin.gates,
        "echo": begin.echo,
        "claimed_at": to_sql(c.claimed_at),
    }


def _answer(finish: Finish) -> Row:
    outcome = finish.outcome
    return {
        "id": finish.id,
        "epoch": finish.epoch,
        "outcome": type(outcome).__name__.lower(),
        "status": getattr(outcome, "status", None),
        "code": getattr(outcome, "code", None),
        "said": outcome.text if isinstance(outcome, Refused) else getattr(outcome, "reason", None),
        "job_id": outcome.job_id if isinstance(outcome, Accepted) else None,
    }


def _settle(tx: Transaction, finish: Finish) -> Pause | None:
    """Writes one outcome other than `Accepted`, with its line in the trace; returns what it holds back."""
    state, values = _verdict(finish, tx.now)
    if isinstance(finish.outcome, Replaced):
        values |= replacement(tx, finish.id, finish.outcome.reengage)
    hands = (State.SENDING, State.UNCERTAIN) if finish.posted else (State.CLAIMED,)
    # Who does not know whether a commit happened records it again; what is uncertain for this reason already stays so.
    news = or_(still_in(*hands[:1]), message.c.code != values["code"]) if state is State.UNCERTAIN else true()
    moved = tx.execute(
        update(message)
        .where(message.c.id == finish.id, message.c.epoch == finish.epoch, still_in(*hands), news)
        .values(state=state, changed_at=tx.now, **values)
        .returning(message.c.state)
    ).scalar_one_or_none()
    if moved is None:
        if not finish.posted:
            _forgive(tx, finish.id)
        return None
    add_trace(tx, finish.id, moved, values["code"], values["reason"])
    return finish.outcome.pause if isinstance(finish.outcome, Wait | Refused) else None


def _forgive(tx: Transaction, identity: str) -> None:
    """Its worker lost the claim and yet lives to say so: the message did not kill it, and is no poison."""
    late = (State.WAITING, State.QUEUED, State.CLAIMED)
    tx.execute(
        update(message)
        .where(message.c.id == identity, still_in(*late), message.c.strikes > 0)
        .values(strikes=message.c.strikes - 1)
    )


def _verdict(finish: Finish, now: datetime) -> tuple[State | ColumnElement[str], dict[str, Any]]:
    """The state that an outcome leads to, and the columns that go with it."""
    match finish.outcome:
        case Wait(seconds=seconds, code=code, reason=reason, spent=spent, pause=pause):
            due = _due(seconds, pause, finish.expires_at, now)
            values = _OUT_OF_HAND | {"due_at": due, "code": code, "reason": reason}
            if finish.posted and not spent:
                # Delays grow with the waits for the same reason: a third 429 says nothing about a first 131056.
                again = case((message.c.waited_for == code, message.c.waits + 1), else_=1)
                values |= {"tries": message.c.tries - 1, "waits": again, "waited_for": code}
            return State.WAITING, values
        case Replaced(code=code, reason=reason):
            return State.WAITING, _OUT_OF_HAND | {"due_at": now, "code": code, "reason": reason}
        case Uncertain():
            return State.UNCERTAIN, uncertain_columns(finish.outcome, now)
        case Refused(code=code, text=text, advice=advice):
            return State.FAILED, final_columns(code, f"{advice} Chat Mitra said: {text}" if text else advice)
        case Cancelled(code=code, reason=reason):
            return CANCELLED_OR_UNCERTAIN, final_columns(code, reason)
        case Accepted():
            raise AssertionError("an accepted message is written with all the others")


def uncertain_columns(outcome: Uncertain, now: datetime) -> dict[str, Any]:
    """The columns of a message of which nobody knows whether it arrived."""
    after = outcome.resend_after
    return _OUT_OF_HAND | {
        "resend_at": None if after is None else now + timedelta(seconds=after),
        "on_evidence": outcome.on_evidence,
        "code": outcome.code,
        "reason": outcome.reason,
    }


def _due(seconds: float | None, pause: Pause | None, expires_at: datetime, now: datetime) -> datetime:
    if seconds is not None:
        return now + timedelta(seconds=seconds)
    # A parked lane holds its messages by itself; a parked message waits for the operator, or for its deadline.
    return now if pause else expires_at


def final_columns(code: str | None, reason: str | None) -> dict[str, Any]:
    """The columns of a message that will not be sent again."""
    return {**_OUT_OF_HAND, **_BLANKED, "code": code, "reason": reason and reason[:1000]}


def add_trace(tx: Transaction, identity: str, event: str, code: str | None, detail: str | None) -> None:
    """Adds a line to the trace of a message, and tells the application if it is a state that it hears of."""
    line = {"message_id": identity, "at": tx.now, "event": event, "code": code, "detail": (detail or "")[:1000]}
    tx.execute(insert(trace), line)
    tell_states(tx, [{"id": identity, "state": event}])


def add_traces(tx: Transaction, moved: Sequence[Row], code: str, detail: str) -> None:
    """The same for all rows that were moved for one reason: each has its `id` and its new `state`."""
    told = {"at": tx.now, "code": code, "detail": detail[:1000]}
    tx.execute(insert(trace), [told | {"message_id": row["id"], "event": row["state"]} for row in moved])
    tell_states(tx, moved)
