"""Record: write the outcomes of claims into the ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, or_, update

from harkara.json_record import iso
from harkara.ledger.callbacks.notify import StateChange, notify_states
from harkara.ledger.conditions import sql_list, still_in, unlocked
from harkara.ledger.halts import add_halts, end_probed_halts
from harkara.ledger.lock_order import lock_ids
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.fallback import replacement
from harkara.ledger.messages.lifted_halts import follow_halts
from harkara.ledger.messages.next_state import CANCELLED_OR_UNCERTAIN, IS_CODE, next_state
from harkara.ledger.messages.trace import add_trace
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Transaction
from harkara.outcomes import Accepted, Pause, Refused, Replaced, Wait
from harkara.states import DONE, UNSENT, Action, State, allowed_from


def record(
    tx: Transaction,
    results: Sequence[ClaimResult],
    working_lanes: Collection[str] = (),
    *,
    changed_later: Collection[str] = (),
) -> set[str]:
    """Write the outcomes, each with its attempt, its trace and the halt that it causes.

    An outcome that comes late counts as long as the message was not claimed again, and `Accepted` counts even then: a
    message that has arrived is not sent once more. No outcome lowers a state that a webhook has raised. An answer ends
    the halt that it was the probe for, except in `working_lanes`, which have none. `changed_later` are the ids of
    messages that the transaction changes afterwards. Returns the lanes that answered now and may have a halt.
    """
    # Messages, then attempts, then halts: see `harkara.ledger.lock_order`.
    results = sorted(results, key=lambda result: result.id)
    posted = [result for result in results if result.posted]
    _lock(tx, results, changed_later)
    _record_accepted(tx, [result for result in posted if isinstance(result.outcome, Accepted)])
    others = [result for result in results if not isinstance(result.outcome, Accepted)]
    pauses = [(result, pause) for result in others if (pause := _record_other(tx, result))]
    _close_attempts(tx, posted)
    add_halts(tx, [(result.lane, pause, result.template) for result, pause in pauses])
    follow_halts(tx, others)
    answered = _answered_lanes(posted).difference(working_lanes)
    if answered:
        end_probed_halts(tx, answered)
    return answered


def _lock(tx: Transaction, results: Sequence[ClaimResult], changed_later: Collection[str]) -> None:
    """Lock the messages by id, since the transaction changes the accepted ones first, and `changed_later` last.

    ACCEPT reads attempts, too. A statement that waited for a lock would see them as they were before the wait, and
    record the answer to a POST that an event has just replaced.
    """
    accepted = any(result.posted and isinstance(result.outcome, Accepted) for result in results)
    if accepted or changed_later:
        lock_ids(tx, {*(result.id for result in results), *changed_later})


def _record_accepted(tx: Transaction, accepted: Sequence[ClaimResult]) -> None:
    if not accepted:
        return
    written = tx.execute_each(ACCEPT, ANSWER, [answer_row(result) for result in accepted], now=tx.now)
    notify_states(tx, [StateChange(identity, state) for identity, state in written if state == State.ACCEPTED])


def _record_other(tx: Transaction, result: ClaimResult) -> Pause | None:
    """Write one outcome other than `Accepted`, with its line in the trace; return the pause that it asks for."""
    state, columns = next_state(result, tx.now)
    if isinstance(result.outcome, Replaced):
        columns |= replacement(tx, result.id, result.outcome.reengage)
    changed = tx.execute(
        update(message)
        .where(message.c.id == result.id, message.c.epoch == result.epoch, *_may_become(state, result, columns))
        .values(state=CANCELLED_OR_UNCERTAIN if state is State.CANCELLED else state, changed_at=tx.now, **columns)
        .returning(message.c.state)
    ).scalar_one_or_none()
    if changed is None:
        if not result.posted:
            _remove_strike(tx, result.id)
        return None
    add_trace(tx, result.id, changed, columns["code"], _traced_reason(result, columns))
    return result.outcome.pause if isinstance(result.outcome, Wait | Refused) else None


def _traced_reason(result: ClaimResult, columns: Row) -> str | None:
    """Return the reason for the trace, where no column shows until when the message waited."""
    if isinstance(result.outcome, Wait):
        return f"{columns['reason']} Due {iso(columns['due_at'])}."
    reason: str | None = columns["reason"]
    return reason


def _close_attempts(tx: Transaction, posted: Sequence[ClaimResult]) -> None:
    if not posted:
        return
    answers = [answer_row(result) for result in posted]
    if len(tx.execute_each(f"{CLOSE_ATTEMPT} RETURNING 1", ANSWER, answers, now=tx.now)) < len(answers):
        _add_lost_attempts(tx, [answer for answer in answers if answer["job_id"]])


def _add_lost_attempts(tx: Transaction, answers: Sequence[Row]) -> None:
    """Bring back the attempts of accepted messages that the ledger has lost in a restore or a failover."""
    if answers:
        tx.execute_each(_ADD_LOST_ATTEMPT, ANSWER, answers, now=tx.now)
        tx.execute_each(_COUNT_LOST_CLAIM, ANSWER, answers)


def _answered_lanes(posted: Sequence[ClaimResult]) -> set[str]:
    answers = (Accepted, Refused, Replaced)
    probes = (result for result in posted if result.halted)
    return {result.lane for result in probes if isinstance(result.outcome, answers) and result.outcome.status}


# Written by hand, as the whole hot path: one statement for all rows of a group commit. The state is wrapped, as in
# `still_in`, to keep the planner on the primary key.
ANSWER = {"id": "text", "epoch": "integer", "outcome": "text", "status": "integer", "code": "text"}
ANSWER |= {"said": "text", "job_id": "text"}
CLOSE_ATTEMPT = """
UPDATE attempt
SET ended_at = :now, outcome = CASE WHEN attempt.outcome = 'replaced' THEN attempt.outcome ELSE each.outcome END,
    status = each.status, code = each.code, text = each.said, job_id = each.job_id
FROM {each} WHERE attempt.message_id = each.id AND attempt.epoch = each.epoch
"""
# The answer to a POST that the ledger has lost, in a restore or a failover, brings its attempt back.
_ADD_LOST_ATTEMPT = """
INSERT INTO attempt (
    message_id, epoch, lane, weight, worker, gates, claimed_at, started_at, ended_at, outcome, status, job_id
)
SELECT each.id, each.epoch, message.lane, message.weight, '', 'lost by the ledger', :now, :now, :now,
    each.outcome, each.status, each.job_id
FROM {each} JOIN message ON message.id = each.id
WHERE message.job_id = each.job_id
ON CONFLICT DO NOTHING
"""
_COUNT_LOST_CLAIM = """
UPDATE message SET claims = claims + 1
FROM {each}
WHERE message.id = each.id
  AND claims < (SELECT count(*) FROM attempt WHERE attempt.message_id = message.id)
"""


def _of_attempt(column: str) -> str:
    """A column of the attempt that the outcome is about. As a scalar it is always looked up by its key."""
    return f"(SELECT attempt.{column} FROM attempt WHERE attempt.message_id = each.id AND attempt.epoch = each.epoch)"


_IS_PRESENT = f"(NOT message.replaced OR coalesce({_of_attempt('outcome')}, '') <> 'replaced')"
"""False for the answer to a POST that a webhook has reported as failed in the meantime, so that the fallback goes."""
_MOVES = f"coalesce(message.state, '') IN ({sql_list(allowed_from(State.ACCEPTED, by=Action.RECORD))})"
"""Of any epoch: a message that is about to be sent once more need not be; its new worker finds the claim gone."""
_KNOWN = f"""(message.job_id IS NULL
    AND coalesce(message.state, '') IN ({sql_list(s for s in State if s in DONE - {State.ACCEPTED, State.CANCELLED})}))
"""
"""A webhook was faster than the answer: the state stays, and so does the job id of an earlier attempt."""


def _if_moved(column: str, value: str) -> str:
    return f"{column} = CASE WHEN {_MOVES} THEN {value} ELSE message.{column} END"


# Both cases are one statement: a webhook that comes meanwhile may turn the one into the other.
ACCEPT = f"""
UPDATE message
SET job_id = each.job_id, {_if_moved("state", "'accepted'")}, {_if_moved("changed_at", ":now")},
    {_if_moved("code", "NULL")}, {_if_moved("reason", "NULL")}, lease_until = NULL, resend_at = NULL, strikes = 0,
    -- A webhook may still report that the 24-hour window was closed; only a lane with webhooks has fingerprints.
    fallback = CASE
        WHEN message.fallback IS NULL OR {IS_CODE} THEN NULL
        WHEN NOT {_MOVES} OR {_of_attempt("echo")} IS NOT NULL THEN message.fallback
    END,
    body = CASE WHEN {IS_CODE} THEN NULL ELSE body END, digest = CASE WHEN {IS_CODE} THEN NULL ELSE digest END
FROM {{each}}
WHERE message.id = each.id AND ({_MOVES} OR {_KNOWN}) AND {_IS_PRESENT}
RETURNING message.id, message.state
"""


def answer_row(result: ClaimResult) -> Row:
    """Return the answer to a POST with the columns of ANSWER."""
    outcome = result.outcome
    return {
        "id": result.id,
        "epoch": result.epoch,
        "outcome": type(outcome).__name__.lower(),
        "status": getattr(outcome, "status", None),
        "code": getattr(outcome, "code", None),
        "said": outcome.text if isinstance(outcome, Refused) else getattr(outcome, "reason", None),
        "job_id": outcome.job_id if isinstance(outcome, Accepted) else None,
    }


def _may_become(state: State, result: ClaimResult, columns: Row) -> tuple[ColumnElement[bool], ...]:
    by, before = (Action.RECORD, State.SENDING) if result.posted else (Action.GATE, State.CLAIMED)
    allowed = still_in(*allowed_from(state, by=by))
    if state is not State.UNCERTAIN:
        return (allowed,)
    # A writer that does not know whether its commit happened records again; the same reason is not written twice.
    return allowed, or_(still_in(before), message.c.code != columns["code"])


def _remove_strike(tx: Transaction, identity: str) -> None:
    """The worker lost the claim and is alive: the message did not crash it, so this claim is no sign of poison.

    A message that its new worker has locked is about to be sent, and its outcome removes all strikes.
    """
    tx.execute(
        update(message)
        .where(unlocked(message.c.id == identity, still_in(*UNSENT), message.c.strikes > 0))
        .values(strikes=message.c.strikes - 1)
    )
