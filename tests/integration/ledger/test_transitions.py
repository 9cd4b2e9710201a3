"""Transitions: every action makes the changes that are declared for it, and no others, from whatever state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from harkara.errors import Conflict
from harkara.inbound.ladder import RANK
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.commands import Decision, cancel, resolve
from harkara.ledger.messages.dispatch import unqueue
from harkara.ledger.restore import settle_restored
from harkara.ledger.sweep import POISON_CLAIMS
from harkara.ledger.tables import attempt, message, replaced_post, trace
from harkara.outcomes import Cancelled, Outcome, Refused, Replaced, Uncertain, Wait
from harkara.states import Action, State
from tests.integration.ledger.state_changes import Change, StateChanges, declared, recorded_state_changes
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    accept_messages,
    begin_posts,
    claim_messages,
    dispatch_all,
    record_outcome,
    reply,
    run_sweep,
)
from tests.integration.ledger.webhooks import deliver_webhooks, status_webhook

REFUSED = Refused("100", "Bad parameter", "Correct it.", 400)
FALLBACK = '{"messages": [{"kind": "template", "template": {"name": "write_to_us"}}]}'
WAIT = Wait(0, "429", "Too fast", status=429)

Act = Callable[[Database, Sequence[Claimed]], object]


def dispatch(db: Database, claims: Sequence[Claimed]) -> None:
    dispatch_all(db)
    unqueue(db, [claimed.id for claimed in claims])


def claim(db: Database, claims: Sequence[Claimed]) -> None:
    claim_messages(db, *(claimed.id for claimed in claims))


def begin(db: Database, claims: Sequence[Claimed]) -> None:
    begin_posts(db, *claims)


def record(outcome: Outcome, *, posted: bool) -> Act:
    def act(db: Database, claims: Sequence[Claimed]) -> None:
        for claimed in claims:
            record_outcome(db, claimed, outcome, posted=posted)

    return act


def sweep(*, strikes: int) -> Act:
    """The leases ran out, uncertain messages are due for a resend, and the deadlines of some have passed."""

    def act(db: Database, claims: Sequence[Claimed]) -> None:
        with db.write() as tx:
            past = tx.now - timedelta(seconds=1)
            leased = update(message).where(message.c.lease_until.is_not(None))
            tx.execute(leased.values(lease_until=past, strikes=strikes))
            tx.execute(update(message).where(message.c.state == State.UNCERTAIN).values(resend_at=past))
            tx.execute(update(message).where(message.c.state == State.WAITING).values(due_at=past, expires_at=past))
        run_sweep(db)

    return act


def cancel_all(db: Database, claims: Sequence[Claimed]) -> None:
    cancel(db, [claimed.id for claimed in claims], by="a test")


def decide(decision: Decision) -> Act:
    """An operator's decision; the waiting messages are parked."""

    def act(db: Database, claims: Sequence[Claimed]) -> None:
        with db.write() as tx:
            tx.execute(update(message).where(message.c.state == State.WAITING).values(due_at=message.c.expires_at))
        for claimed in claims:
            try:
                resolve(db, claimed.id, decision, by="a test")
            except Conflict:
                continue

    return act


def restore(db: Database, claims: Sequence[Claimed]) -> None:
    settle_restored(db, ["default"], by="a test")


def receive_webhooks(status: str, **fields: Any) -> Act:
    """The messages have a fallback, which an event with the code of a closed window needs."""

    def act(db: Database, claims: Sequence[Claimed]) -> None:
        with db.write() as tx:
            tx.execute(update(message).values(job_id=message.c.id, fallback=FALLBACK))
        deliver_webhooks(
            db,
            *(
                status_webhook(db, status, f"wamid.{status}.{len(fields)}.{n}", n, jobId=claimed.id, **fields)
                for n, claimed in enumerate(claims)
            ),
        )

    return act


ACTIONS: dict[tuple[Action, ...], tuple[Act, ...]] = {
    (Action.DISPATCH,): (dispatch,),
    (Action.CLAIM,): (claim,),
    (Action.BEGIN,): (begin,),
    (Action.GATE,): tuple(
        record(outcome, posted=False)
        for outcome in (WAIT, REFUSED, Cancelled("expired", "Too late."), Replaced("window-closed", "Closed.", "hello"))
    ),
    (Action.RECORD,): tuple(
        record(outcome, posted=True)
        for outcome in (ACCEPTED, WAIT, REFUSED, LOST, Uncertain("502", "Bad gateway", 20.0, 502))
    ),
    (Action.SWEEP, Action.RESEND, Action.EXPIRE): (sweep(strikes=1), sweep(strikes=POISON_CLAIMS)),
    (Action.CANCEL,): (cancel_all,),
    (Action.RESTORE,): (restore,),
    (Action.RESOLVE,): (decide("sent"), decide("resend"), decide("drop")),
    (Action.WEBHOOK,): (
        *(receive_webhooks(status) for status in RANK),
        receive_webhooks("failed", error={"code": 131047, "message": "Re-engagement message"}),
    ),
}


@pytest.fixture
def state_changes(db: Database) -> Iterator[StateChanges]:
    with recorded_state_changes(db) as changes:
        yield changes


@pytest.mark.parametrize("actions", ACTIONS, ids="-".join)
def test_an_action_makes_the_declared_transitions_and_no_others(
    db: Database, state_changes: StateChanges, actions: tuple[Action, ...]
) -> None:
    made: set[Change] = set()
    for act in ACTIONS[actions]:
        claims = in_every_state(db)
        state_changes.pop()
        act(db, claims)
        made |= state_changes.pop()
        delete_messages(db)
    assert made == declared(actions)


def test_every_action_that_changes_a_state_is_tried() -> None:
    assert {action for actions in ACTIONS for action in actions} == set(Action) - {Action.ACCEPT}


def in_every_state(db: Database) -> list[Claimed]:
    """Two messages in each state, claimed once: one that was sent before, and one that was not."""
    wanted = [(state, resends) for state in State for resends in (0, 1)]
    ids = accept_messages(db, *(reply(n) for n in range(len(wanted))))
    claims = sorted(claim_messages(db, *ids, lease_seconds=60), key=lambda claimed: ids.index(claimed.id))
    with db.write() as tx:
        for claimed, (state, resends) in zip(claims, wanted, strict=True):
            leased = state in (State.QUEUED, State.CLAIMED, State.SENDING)
            columns = {} if leased else {"lease_until": None}
            this = update(message).where(message.c.id == claimed.id)
            tx.execute(this.values(state=state.value, resends=resends, **columns))
    return claims


def delete_messages(db: Database) -> None:
    with db.write() as tx:
        for table in (replaced_post, trace, attempt, message):
            tx.execute(delete(table))
