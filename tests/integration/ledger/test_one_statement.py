"""Accepted messages and begin requests as one statement of PostgreSQL: it writes what `record` and `begin` write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.begin import BeginRequest
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.messages.one_statement import is_one_statement, write_in_one_statement
from harkara.ledger.tables import attempt
from harkara.ledger.timeline import read_timelines
from harkara.messages import Envelope
from harkara.outcomes import Accepted, Wait
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    accept_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    otp,
    record_results,
    reply,
    row,
    states_of,
    update_message,
)

pytestmark = pytest.mark.parametrize("db", ["postgres"], indirect=True)

PATIENCE = 60.0
"""Seconds."""

DIFFERENT = {"id", "message_id", "recipient", "digest", "body"}
MOMENTS = {"due_at", "planned_at", "expires_at", "lease_until", "created_at", "changed_at", "posted_at"}
MOMENTS |= {"claimed_at", "started_at", "ended_at"}
SITUATIONS: dict[str, dict[str, Any]] = {
    "sending": {},
    "uncertain": {"state": "uncertain", "code": "crash", "reason": "Its worker went away.", "strikes": 2},
    "about to be sent once more": {"state": "waiting", "code": "crash", "resends": 1, "maybe_duplicate": True},
    "delivered before the answer": {"state": "delivered", "lease_until": None},
    "delivered by an earlier attempt": {"state": "delivered", "lease_until": None, "job_id": "job-1"},
    "failed before the answer": {"state": "failed", "lease_until": None, "code": "131026", "reason": "No WhatsApp."},
    "cancelled": {"state": "cancelled", "lease_until": None, "code": "cancelled"},
    "with a fallback": {"fallback": '{"messages": []}'},
    "delivered, with a fallback": {"state": "delivered", "lease_until": None, "fallback": '{"messages": []}'},
}


@pytest.mark.parametrize("outcome", [ACCEPTED, Accepted(None, 202)], ids=["with a job id", "without a job id"])
@pytest.mark.parametrize("fingerprint", ["a1", None], ids=["with webhooks", "without webhooks"])
@pytest.mark.parametrize("new", [reply, otp], ids=["reply", "code"])
def test_it_records_what_a_transaction_records(
    db: Database, new: Callable[[int], Envelope], fingerprint: str | None, outcome: Accepted
) -> None:
    """In each situation there are two messages, of which the one is recorded in this way and the other in that."""
    both = [prepare(db, [new(2 * n + way) for n in range(len(SITUATIONS))], fingerprint) for way in (0, 1)]
    record_results(db, [result(each, outcome) for each in both[0]])
    write_in_one_statement(db, [], [result(each, outcome) for each in both[1]])
    for one, two in zip(*both, strict=True):
        assert_alike(row(db, one.id), row(db, two.id))
        assert_alike(*attempts_of(db, one.id), *attempts_of(db, two.id))


def prepare(db: Database, envelopes: Sequence[Envelope], fingerprint: str | None) -> list[Claimed]:
    """Return a claim of a message in each situation."""
    claims = claim_messages(db, *accept_messages(db, *envelopes))
    begin_posts(db, *claims)
    with db.write() as tx:
        ids = attempt.c.message_id.in_([each.id for each in claims])
        tx.execute(update(attempt).where(ids).values(echo=fingerprint))
    for each, values in zip(claims, SITUATIONS.values(), strict=True):
        update_message(db, each.id, **{"tries": 1, **values})
    return claims


def test_it_does_not_record_the_answer_to_a_post_that_was_replaced(db: Database) -> None:
    claims = claim_messages(db, *accept_messages(db, reply(1), reply(2)))
    begin_posts(db, *claims)
    for each in claims:
        with db.write() as tx:
            tx.execute(update(attempt).where(attempt.c.message_id == each.id).values(outcome="replaced"))
        update_message(db, each.id, state="waiting", replaced=True)
    write_in_one_statement(db, [], [result(each) for each in claims])
    assert states_of(db, [each.id for each in claims]) == ["waiting"] * 2
    assert [attempts_of(db, each.id)[0]["outcome"] for each in claims] == ["replaced"] * 2


def test_it_begins_only_the_messages_whose_claim_still_holds(db: Database) -> None:
    held, lost, other = claim_messages(db, *accept_messages(db, reply(1), reply(2), reply(3)))
    begin_posts(db, other)
    update_message(db, lost.id, epoch=lost.epoch + 1)
    begun = write_in_one_statement(db, [request(held), request(lost)], [result(other)], with_timeline=True)
    assert begun.held == {(held.id, held.epoch)}
    assert begun.timeline == current_timeline(db)
    assert attempts_of(db, held.id)[0]["started_at"] == begun.at
    assert states_of(db, [held.id, lost.id, other.id]) == ["sending", "claimed", "accepted"]
    assert [len(attempts_of(db, each.id)) for each in (held, lost, other)] == [1, 0, 1]
    assert audit(db).clean


def test_it_brings_back_the_attempt_of_an_answer_whose_post_the_ledger_has_lost(db: Database) -> None:
    lost, other = claim_messages(db, *accept_messages(db, reply(1), reply(2)))
    begin_posts(db, other)
    write_in_one_statement(db, [], [result(each) for each in (lost, other)])
    assert [attempts_of(db, each.id)[0]["outcome"] for each in (lost, other)] == ["accepted"] * 2
    assert audit(db).clean


def current_timeline(db: Database) -> str | None:
    found = read_timelines(db)
    return found.current if found else None


def test_other_outcomes_and_probes_and_a_message_that_is_in_both_are_no_single_statement(db: Database) -> None:
    one, two = claim_messages(db, *accept_messages(db, reply(1), reply(2)))
    assert is_one_statement(db, [request(one)], [result(two)], [])
    assert not is_one_statement(db, [request(two)], [result(two)], [])
    assert not is_one_statement(db, [], [ClaimResult.of(one, LOST, posted=True)], [])
    assert not is_one_statement(db, [], [ClaimResult.of(one, Wait(1, "late", "Late."), posted=False)], [])
    probe = result(replace(one, halted=True))
    assert not is_one_statement(db, [], [probe], [])
    assert is_one_statement(db, [], [probe], ["default"])


def test_the_usual_batch_is_one_statement(db: Database) -> None:
    *others, new = claim_messages(db, *accept_messages(db, *(reply(n) for n in range(9))))
    begin_posts(db, *others)
    commit = GroupCommit(db, print)
    with ThreadPoolExecutor(8) as threads, executed_statements() as statements:
        recording = [threads.submit(commit.record, result(each)) for each in others]
        assert commit.begin(request(new))
        for each in recording:
            each.result(PATIENCE)
    commit.close()
    assert {" ".join(each.split()[:2]) for each in statements} <= {"WITH given", "WITH held"}
    assert set(states_of(db, [each.id for each in others])) == {"accepted"}


def request(claimed: Claimed) -> BeginRequest:
    return BeginRequest(claimed, "worker", "passed", 30)


def result(claimed: Claimed, outcome: Accepted = ACCEPTED) -> ClaimResult:
    return ClaimResult.of(claimed, outcome, posted=True)


def assert_alike(one: dict[str, Any], two: dict[str, Any]) -> None:
    """What differs between two messages and two moments is set in both or in neither."""
    for name in one:
        assert (one[name] is None) == (two[name] is None), name
        assert name in DIFFERENT | MOMENTS or one[name] == two[name], name
