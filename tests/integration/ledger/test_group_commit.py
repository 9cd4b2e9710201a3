"""Group commit: many threads share few transactions, and each waits until its own write is durable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event, Semaphore, Timer

import pytest
from sqlalchemy import text

from config.crash_points import CheckpointedGroupCommit
from harkara.errors import Unavailable
from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.begin import BeginRequest, Begun
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.group_commit import FEW, GroupCommit
from harkara.ledger.messages.record import record
from harkara.outcomes import Refused, Wait
from harness.postgres import postgres
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import (
    ACCEPTED,
    accept_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    record_outcome,
    reply,
    row,
    states_of,
)

PATIENCE = 60.0
"""Seconds for which no test waits, unless it fails."""


def begin_request(claimed: Claimed) -> BeginRequest:
    return BeginRequest(claimed, "worker", "passed", 30)


def accepted_result(claimed: Claimed) -> ClaimResult:
    return ClaimResult.of(claimed, ACCEPTED, posted=True)


def no_checkpoint(_name: str) -> None:
    pass


@contextmanager
def group_commit(
    db: Database,
    spill: Callable[[ClaimResult], None] | None = None,
    patience: float = 20.0,
    checkpoint: Callable[[str], None] = no_checkpoint,
    linger_seconds: float = 0.05,
) -> Iterator[GroupCommit]:
    """It is closed at the end; without a `spill`, nothing may have been spilled by then."""
    spilled: list[ClaimResult] = []
    commit = CheckpointedGroupCommit(
        db, spill or spilled.append, retry_seconds=patience, checkpoint=checkpoint, linger_seconds=linger_seconds
    )
    yield commit
    commit.close()
    assert spilled == []


@contextmanager
def locked(db: Database) -> Iterator[None]:
    """Another transaction holds the lock that every writer needs."""
    with db.write() as tx:
        if not db.sqlite:
            tx.execute(text("LOCK TABLE message IN ACCESS EXCLUSIVE MODE"))
        yield


@pytest.fixture
def impatient_db(db: Database) -> Iterator[Database]:
    """The same database with a lock timeout of 0.3 s."""
    database = Database(db.url.render_as_string(hide_password=False), lock_timeout=0.3, connections=4)
    yield database
    database.close()


def test_each_thread_gets_the_answer_to_its_own_request(db: Database) -> None:
    claims = claim_messages(db, *accept_messages(db, *(reply(n) for n in range(64))))
    begin_posts(db, *claims[::2])
    with group_commit(db) as commit, ThreadPoolExecutor(64) as threads:
        held = list(threads.map(lambda claimed: commit.begin(begin_request(claimed)), claims))
        assert held == [False, True] * 32
        list(threads.map(lambda claimed: commit.record(accepted_result(claimed)), claims))
    assert set(states_of(db, [one.id for one in claims])) == {"accepted"}
    assert audit(db).clean


class Gate:
    """A fence that lets the first commit begin when so many requests are made, and permits every POST."""

    def __init__(self, requests: int) -> None:
        self._missing = requests
        self._made = Semaphore(0)

    def note_request(self) -> None:
        self._made.release()

    def prepare(self) -> bool:
        while self._missing:
            assert self._made.acquire(timeout=PATIENCE)
            self._missing -= 1
        return False

    def confirm(self, begun: Begun) -> None:
        pass


def test_requests_that_come_during_a_commit_share_the_next(db: Database) -> None:
    claims = claim_messages(db, *accept_messages(db, *(reply(n) for n in range(64))))
    gate = Gate(len(claims))
    commit = GroupCommit(db, lambda result: None, fence=gate)

    def begin(claimed: Claimed) -> bool:
        gate.note_request()
        return commit.begin(begin_request(claimed))

    with executed_statements() as statements, ThreadPoolExecutor(64) as threads:
        assert all(threads.map(begin, claims))
    commit.close()
    assert 1 <= len(statements) <= 2 * 16, "SQLite takes two for each transaction"


def test_a_few_outcomes_wait_for_a_begin_request(db: Database) -> None:
    """A lone request is committed before them, since a POST waits for it."""
    *done, new = claim_messages(db, *accept_messages(db, *(reply(n) for n in range(FEW))))
    begin_posts(db, *done)
    states: list[object] = []

    def note_state(_name: str) -> None:
        states.append(row(db, new.id)["state"])

    with group_commit(db, checkpoint=note_state, linger_seconds=PATIENCE) as commit:
        for claimed in done:
            commit.record_later(accepted_result(claimed))
        assert commit.begin(begin_request(new))
    assert states == ["sending"]
    assert states_of(db, [one.id for one in done]) == ["accepted"] * len(done)


def test_many_outcomes_wait_for_no_begin_request(db: Database) -> None:
    """All sender threads may be among those that wait for an outcome, so that none of them begins."""
    claims = claim_messages(db, *accept_messages(db, *(reply(n) for n in range(FEW))))
    begin_posts(db, *claims)
    with group_commit(db, linger_seconds=PATIENCE) as commit, ThreadPoolExecutor(FEW) as threads:
        recording = [threads.submit(commit.record, accepted_result(claimed)) for claimed in claims]
        finished = wait(recording, PATIENCE / 2)
    assert not finished.not_done


def test_a_write_is_in_the_ledger_when_its_call_returns(db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    with group_commit(db) as commit:
        assert commit.begin(begin_request(claimed))
        assert row(db, claimed.id)["state"] == "sending"
        commit.record(accepted_result(claimed))
        assert row(db, claimed.id)["state"] == "accepted"


def test_without_the_commit_there_must_be_no_post(db: Database, impatient_db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    with group_commit(impatient_db) as commit:
        with locked(db):
            began = time.monotonic()
            with pytest.raises(Unavailable):
                commit.begin(begin_request(claimed))
            assert time.monotonic() - began < 30
        assert attempts_of(db, claimed.id) == []
        assert commit.begin(begin_request(claimed))


def test_outcomes_wait_for_a_database_that_is_locked_for_a_while(db: Database, impatient_db: Database) -> None:
    claims = claim_messages(db, *accept_messages(db, reply(1), reply(2)))
    begin_posts(db, *claims)
    with group_commit(impatient_db) as commit, ThreadPoolExecutor(2) as threads:
        with locked(db):
            done = [threads.submit(commit.record, accepted_result(claimed)) for claimed in claims]
            time.sleep(1.5)
            assert not any(future.done() for future in done)
        for future in done:
            future.result(60)
    assert states_of(db, [one.id for one in claims]) == ["accepted"] * 2


def test_outcomes_wait_for_a_server_that_is_restarted() -> None:
    with postgres("-c", "fsync=off") as server:
        db = Database(server.create_database("away"), lock_timeout=1)
        migrate.upgrade(db)
        done, new = claim_messages(db, *accept_messages(db, reply(1), reply(2)))
        begin_posts(db, done)
        with group_commit(db) as commit:
            server.stop()
            with pytest.raises(Unavailable):
                commit.begin(begin_request(new))
            starts = Timer(1.0, server.start)
            starts.start()
            commit.record(accepted_result(done))
            starts.join()
            assert commit.begin(begin_request(new))
        assert states_of(db, [done.id, new.id]) == ["accepted", "sending"]
        db.close()


def test_an_outcome_that_cannot_be_recorded_is_spilled_and_recorded_later(db: Database, impatient_db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    begin_posts(db, claimed)
    spilled: list[dict[str, object]] = []
    with group_commit(impatient_db, lambda result: spilled.append(result.to_dict()), patience=0.5) as commit:
        with locked(db):
            commit.record(accepted_result(claimed))
        assert row(db, claimed.id)["state"] == "sending"
    with db.write() as tx:
        record(tx, [ClaimResult.from_dict(each) for each in spilled])
    assert row(db, claimed.id)["state"] == "accepted"


def test_an_outcome_that_cannot_be_spilled_either_is_retried_until_it_is_recorded(
    db: Database, impatient_db: Database
) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    begin_posts(db, claimed)
    tried = Event()

    def full(_result: ClaimResult) -> None:
        tried.set()
        raise Unavailable("Redis is full")

    with group_commit(impatient_db, full, patience=0.1) as commit, ThreadPoolExecutor(1) as thread:
        with locked(db):
            done = thread.submit(commit.record, accepted_result(claimed))
            assert tried.wait(60)
        done.result(60)
    assert row(db, claimed.id)["state"] == "accepted"


def test_a_failed_transaction_permits_no_post_and_loses_no_outcome(db: Database) -> None:
    done, new = claim_messages(db, *accept_messages(db, reply(1), reply(2)))
    begin_posts(db, done)
    stumbles = iter([True])

    def checkpoint(_name: str) -> None:
        if next(stumbles, False):
            raise ValueError("a defect")

    with group_commit(db, checkpoint=checkpoint) as commit:
        commit.record(accepted_result(done))
        assert commit.begin(begin_request(new))
    assert states_of(db, [done.id, new.id]) == ["accepted", "sending"]


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_an_outcome_that_cannot_be_written_stops_no_other(db: Database) -> None:
    claims = claim_messages(db, *accept_messages(db, *(reply(n) for n in range(8))))
    begin_posts(db, *claims)
    spilled: list[str] = []
    with group_commit(db, lambda result: spilled.append(result.id), patience=0.3) as commit:
        with ThreadPoolExecutor(8) as threads:
            unwritable = ClaimResult.of(claims[0], Refused("100", "no text holds a \0 here", "Look."), posted=True)
            list(threads.map(commit.record, [unwritable, *map(accepted_result, claims[1:])]))
    assert spilled == [claims[0].id]
    assert states_of(db, [one.id for one in claims]) == ["sending"] + ["accepted"] * 7


def test_a_message_is_given_back_whether_or_not_the_lost_commit_happened(db: Database) -> None:
    claimed, sending = claim_messages(db, *accept_messages(db, reply(1), reply(2)))
    begin_posts(db, sending)
    for one in (claimed, sending):
        for posted in (False, True):
            record_outcome(db, one, Wait(0, "worker-trouble", "The ledger could not be asked."), posted=posted)
    assert [(row(db, one.id)["state"], row(db, one.id)["tries"]) for one in (claimed, sending)] == [("waiting", 0)] * 2
    assert audit(db).clean


def test_closing_writes_the_outcomes_that_no_thread_waits_for(db: Database) -> None:
    claims = claim_messages(db, *accept_messages(db, *(reply(n) for n in range(40))))
    with group_commit(db) as commit:
        for claimed in claims:
            commit.record_later(ClaimResult.of(claimed, Wait(60, "lane-limit", "No slot"), posted=False))
    assert set(states_of(db, [one.id for one in claims])) == {"waiting"}


def test_the_lead_follows_the_time_of_a_commit_within_bounds(db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    with group_commit(db) as commit:
        commit.begin(begin_request(claimed))
        assert 0.05 <= commit.lead_seconds <= 0.25
