"""Workers: what a worker was sending is uncertain as soon as its own lease has run out, and not before."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from harkara.delivery.worker_lease import LEASE_SECONDS, WorkerLease
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.tables import worker
from harkara.ledger.workers import remove_worker, renew_worker
from harkara.outcomes import Wait
from tests.integration.ledger.steps import (
    ACCEPTED,
    accept_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    otp,
    record_outcome,
    reply,
    run_sweep,
    states_of,
    trace_of,
)

LIVING, DEAD = 10.0, -1.0
"""Seconds of a lease that lasts, and of one that has run out."""


def sending_from(db: Database, name: str, n: int = 0) -> str:
    """Return the id of a message that this worker is sending."""
    (identity,) = accept_messages(db, reply(n))
    begin_posts(db, *claim_messages(db, identity), worker=name)
    return identity


def test_what_a_dead_worker_was_sending_is_uncertain_and_what_the_others_send_is_not(db: Database) -> None:
    ids = [sending_from(db, name, n) for n, name in enumerate(("dead", "living", "of an older release"))]
    renew_worker(db, "dead", DEAD)
    renew_worker(db, "living", LIVING)
    assert run_sweep(db, may_judge=True) == {"uncertain": 1}
    assert states_of(db, ids) == ["uncertain", "sending", "sending"]
    assert attempts_of(db, ids[0])[0]["outcome"] == "uncertain"
    assert audit(db).clean
    assert not run_sweep(db, may_judge=True)


def test_a_process_that_may_not_judge_takes_nothing_from_a_dead_worker(db: Database) -> None:
    sending_from(db, "dead")
    renew_worker(db, "dead", DEAD)
    assert not run_sweep(db, may_judge=False)


def test_a_worker_that_renews_again_keeps_what_it_is_sending(db: Database) -> None:
    sending_from(db, "paused")
    renew_worker(db, "paused", DEAD)
    renew_worker(db, "paused", LIVING)
    assert not run_sweep(db, may_judge=True)


def test_what_a_dead_worker_sent_before_under_another_claim_does_not_matter(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    (claimed,) = claim_messages(db, identity)
    begin_posts(db, claimed, worker="dead")
    record_outcome(db, claimed, Wait(0.0, "refused", "No connection"))
    begin_posts(db, *claim_messages(db, identity), worker="living")
    renew_worker(db, "dead", DEAD)
    assert not run_sweep(db, may_judge=True)


def test_the_answer_of_a_worker_that_seemed_dead_still_counts(db: Database) -> None:
    (identity,) = accept_messages(db, otp())
    (claimed,) = claim_messages(db, identity)
    begin_posts(db, claimed, worker="paused")
    renew_worker(db, "paused", DEAD)
    assert run_sweep(db, may_judge=True, resend_after=20.0) == {"uncertain": 1}
    record_outcome(db, claimed, ACCEPTED)
    assert states_of(db, [identity]) == ["accepted"]
    assert trace_of(db, identity) == ["uncertain"]
    assert audit(db).clean


def test_a_worker_that_has_ended_in_order_is_not_dead(db: Database) -> None:
    sending_from(db, "ended")
    renew_worker(db, "ended", DEAD)
    remove_worker(db, "ended")
    assert not run_sweep(db, may_judge=True)


def test_workers_of_the_past_are_forgotten_when_another_starts(db: Database) -> None:
    for name, seconds in (("old", -3601.0), ("dead", DEAD), ("new", LIVING)):
        renew_worker(db, name, seconds)
    with db.read() as tx:
        assert set(tx.execute(select(worker.c.name)).scalars()) == {"dead", "new"}


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_an_attempt_has_the_lease_only_if_its_first_byte_leaves_within_it(db: Database) -> None:
    lease = WorkerLease(db, "host:1:a", "host:1")
    assert lease.name_until(time.monotonic()) == "host:1"
    before = datetime.now(UTC)
    lease.renew()
    now = time.monotonic()
    assert lease.name_until(now) == "host:1:a"
    assert lease.name_until(now + LEASE_SECONDS) == "host:1", "the ledger may count it as dead by then"
    assert not lease.may_judge(before + timedelta(seconds=3)), "it has only just started"
    lease.end()
    with db.read() as tx:
        assert not tx.execute(select(worker.c.name)).all()
