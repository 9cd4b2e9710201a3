"""The state and the columns that follow from an outcome."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, case, literal_column

from harkara.json_record import iso_seconds
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row
from harkara.outcomes import Accepted, Cancelled, Pause, Refused, Replaced, Uncertain, Wait
from harkara.states import State

IS_CODE = "category = 'authentication'"

CANCELLED_OR_UNCERTAIN: ColumnElement[str] = case(
    # An earlier attempt may have arrived: the state `cancelled` would hide that.
    (message.c.resends > 0, State.UNCERTAIN.value),
    else_=State.CANCELLED.value,
)
"""The state of a message that will not be sent any more."""

UNLEASED: Row = {"lease_until": None, "resend_at": None, "strikes": 0}
_ERASED: Row = {
    # Once the message is done, a one-time code is worthless to it, and the digest would give the code away.
    "body": case((literal_column(IS_CODE), None), else_=message.c.body),
    "digest": case((literal_column(IS_CODE), None), else_=message.c.digest),
    # It may have the code as well, and nothing is left that it could replace.
    "fallback": case((literal_column(IS_CODE), None), else_=message.c.fallback),
}


class NextState(NamedTuple):
    """Where an outcome leads: the state, and the other columns that change with it."""

    state: State
    columns: Row


def next_state(result: ClaimResult, now: datetime) -> NextState:
    """Return the state and columns for any outcome but Accepted, which `record` writes for all messages at once."""
    match result.outcome:
        case Wait() as wait:
            return NextState(State.WAITING, _waiting_columns(wait, result, now))
        case Replaced() as replaced:
            return NextState(State.WAITING, replaced_columns(replaced, now))
        case Uncertain() as uncertain:
            return NextState(State.UNCERTAIN, uncertain_columns(uncertain, now))
        case Refused(code=code, text=text, advice=advice):
            return NextState(State.FAILED, final_columns(code, f"{advice} Chat Mitra said: {text}" if text else advice))
        case Cancelled(code=code, reason=reason):
            return NextState(State.CANCELLED, final_columns(code, reason))
        case Accepted():
            raise AssertionError("accepted messages are recorded together")


def replaced_columns(outcome: Replaced, now: datetime) -> Row:
    """Return the columns of a message whose fallback is due now, besides those of the fallback itself."""
    return UNLEASED | {"due_at": now, "code": outcome.code, "reason": outcome.reason}


def uncertain_columns(outcome: Uncertain, now: datetime) -> Row:
    """Return the columns of a message that may or may not have arrived."""
    again = None if outcome.resend_after is None else now + timedelta(seconds=outcome.resend_after)
    return UNLEASED | {
        "resend_at": again,
        "on_evidence": outcome.on_evidence,
        "code": outcome.code,
        "reason": f"{outcome.reason} {_what_follows(again, outcome.on_evidence)}"[:1000],
    }


def _what_follows(again: datetime | None, on_evidence: bool) -> str:
    if again is None:
        return "Harkara does not send it again by itself."
    condition = "if webhooks show by then that it did not arrive"
    if not on_evidence:
        condition = "unless a webhook shows by then that it arrived"
    return f"Harkara sends it again at {iso_seconds(again)}, {condition}."


def final_columns(code: str | None, reason: str | None) -> Row:
    """Return the columns of a message that will not be sent again.

    Nothing needs the fallback any more, and it may contain a code whatever the message itself is.
    """
    return on_its_way_columns() | {"fallback": None, "code": code, "reason": reason and reason[:1000]}


def on_its_way_columns() -> Row:
    """Return the columns of a message that WhatsApp has: only its fallback may still be sent."""
    return {**UNLEASED, **_ERASED, "code": None, "reason": None}


def _waiting_columns(wait: Wait, result: ClaimResult, now: datetime) -> Row:
    due = _due_at(wait.seconds, wait.pause, result.expires_at, now)
    columns = UNLEASED | {"due_at": due, "code": wait.code, "reason": wait.reason}
    if result.posted and not wait.spent:
        # Delays grow with the waits for the same code: a third 429 says nothing about a first 131056.
        waits = case((message.c.waited_for == wait.code, message.c.waits + 1), else_=1)
        columns |= {"tries": message.c.tries - 1, "waits": waits, "waited_for": wait.code}
    return columns


def _due_at(seconds: float | None, pause: Pause | None, expires_at: datetime, now: datetime) -> datetime:
    if seconds is not None:  # what is past its deadline is found among the due messages
        return min(now + timedelta(seconds=seconds), expires_at)
    # A parked lane or template holds its messages by its halt; any other waits for an operator, or for its deadline.
    return now if pause and pause.scope != "recipient" else expires_at
