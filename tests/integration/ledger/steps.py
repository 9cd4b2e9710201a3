"""The steps of a message through the ledger, one short call each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, select, true, update

from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.lane_commands import unpark_lane
from harkara.ledger.messages.accept import accept
from harkara.ledger.messages.begin import BeginRequest, begin
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.dispatch import dispatch
from harkara.ledger.messages.record import record
from harkara.ledger.repairs import any_repair
from harkara.ledger.retention import erase_old
from harkara.ledger.sweep import Crashed, sweep
from harkara.ledger.tables import attempt, message, trace
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor
from harkara.messages import Envelope, Template, Text
from harkara.outcomes import Accepted, Outcome, Uncertain, Wait
from harkara.receipt import Receipt
from harkara.shared_defaults import DEADLINES

ACCEPTED = Accepted("job-of-chatmitra", 200)
PARKED = Wait(None, "unknown", "The code is unknown.")
LOST = Uncertain("read-timeout", "No answer came in time.", None)
DAY = 86_400.0


def reply(n: int = 0, **options: Any) -> Envelope:
    """Return a reply to person number `n`."""
    return Envelope(**{"to": f"+9198765{n:05d}", "messages": [Text("Your table is ready")]} | options)


def otp(n: int = 0, **options: Any) -> Envelope:
    """Return a one-time code to person number `n`."""
    message = Template("login_code", body=["493817"], category="authentication")
    return Envelope(**{"to": f"+9198765{n:05d}", "messages": [message]} | options)


def marketing(n: int = 0, **options: Any) -> Envelope:
    """Return a marketing message to person number `n`."""
    return Envelope(**{"to": f"+9198765{n:05d}", "messages": [Template("spring_sale", category="marketing")]} | options)


def accept_messages(db: Database, *envelopes: Envelope) -> list[str]:
    """Accept them without hints; return their ids."""
    receipts, _ = accept(db, envelopes, deadlines=DEADLINES, queued_seconds=10, direct_hints=False)
    return [receipt.id for receipt in receipts if isinstance(receipt, Receipt)]


def claim_messages(db: Database, *ids: str, lease_seconds: float = 10) -> list[Claimed]:
    return claim(db, ids, lease_seconds)


def begin_posts(db: Database, *claimed: Claimed, worker: str = "worker") -> set[Any]:
    """Mark them `sending`; return the (id, epoch) of those that may be sent."""
    with db.write() as tx:
        return begin(tx, [BeginRequest(one, worker, "passed", 30) for one in claimed]).held


def record_outcome(db: Database, claimed: Claimed, outcome: Outcome, *, posted: bool = True) -> None:
    record_results(db, [ClaimResult.of(claimed, outcome, posted=posted)])


def record_results(db: Database, results: Sequence[ClaimResult]) -> None:
    with db.write() as tx:
        record(tx, results)


def dispatch_all(db: Database, *lanes: str, depth: int = 1000) -> list[str]:
    """Release the due messages of lanes without a limit; return their ids in the order of their hints."""
    known = {name: Lane(name, "token", None) for name in lanes or ("default",)}
    released = dispatch(db, known, unlimited, depth=depth, queued_seconds=10)
    return [identity for identity, _ in released.hints]


def unlimited(_lanes: Any) -> dict[str, tuple[int, int]]:
    """A limiter that must not be asked."""
    raise AssertionError("these lanes have no limit")


def send_message(db: Database, envelope: Envelope, outcome: Outcome = ACCEPTED) -> str:
    """Accept, claim, begin and record a message; return its id."""
    (identity,) = accept_messages(db, envelope)
    (claimed,) = claim_messages(db, identity)
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, outcome)
    return identity


def run_sweep(
    db: Database, *, resend_after: float | None = None, retention: float | None = None, may_judge: bool = False
) -> Counter[str]:
    """Sweep once, with the same policy for all messages, and erase what is too old."""

    def policy(crashed: Crashed) -> Uncertain:
        return Uncertain("crashed", "Its worker went away.", resend_after)

    seen = any_repair(db)
    swept = sweep(db, policy, may_judge=lambda now: may_judge)
    assert seen or not swept, f"a worker would not have swept {swept}"
    return swept + erase_old(db, retention)


def age_messages(db: Database, seconds: float, *ids: str) -> None:
    """Move the moments of these messages, or of all, into the past."""
    moments = ("due_at", "expires_at", "lease_until", "resend_at", "created_at", "posted_at")
    with db.write() as tx:
        age_rows(tx, message, moments, seconds, message.c.id.in_(ids) if ids else None)
        age_rows(tx, attempt, ("started_at",), seconds, attempt.c.message_id.in_(ids) if ids else None)


def age_rows(
    tx: Transaction, table: Table, moments: Sequence[str], seconds: float, which: ColumnElement[bool] | None = None
) -> None:
    """Move moments of these rows of a table, or of all, into the past."""
    keys = [(column == bindparam(f"key_{column.name}")) for column in table.primary_key]
    moved = update(table).where(*keys).values({name: bindparam(f"past_{name}") for name in moments})
    rows = tx.rows(select(table).where(true() if which is None else which))
    past = [
        {f"key_{column.name}": row[column.name] for column in table.primary_key}
        | {f"past_{name}": row[name] and row[name] - timedelta(seconds=seconds) for name in moments}
        for row in rows
    ]
    if past:
        tx.execute(moved, past)


def update_message(db: Database, identity: str, **values: Any) -> None:
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id == identity).values(**values))


def row(db: Database, identity: str) -> Row:
    with db.read() as tx:
        return dict(tx.execute(select(message).where(message.c.id == identity)).mappings().one())


def states_of(db: Database, ids: Sequence[str]) -> list[str]:
    return [row(db, identity)["state"] for identity in ids]


def attempts_of(db: Database, identity: str) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(attempt).where(attempt.c.message_id == identity).order_by(attempt.c.epoch))


def trace_of(db: Database, identity: str) -> list[str]:
    with db.read() as tx:
        query = select(trace.c.event).where(trace.c.message_id == identity).order_by(trace.c.id)
        return list(tx.execute(query).scalars())


def unpark(db: Database, lane: str) -> int:
    """Unpark a lane as an operator does; return how many halts were lifted."""
    return unpark_lane(db, lane, by=Actor("Asha", "command"))
