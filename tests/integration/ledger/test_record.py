"""Record: every outcome, also a late one, leads to its state, and no answer is lost."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.commands import cancel
from harkara.ledger.tables import message
from harkara.outcomes import Accepted, Cancelled, Outcome, Pause, Refused, Uncertain, Wait
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    PARKED,
    accept_messages,
    age_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    dispatch_all,
    otp,
    record_outcome,
    record_results,
    reply,
    row,
    run_sweep,
    send_message,
    states_of,
    trace_of,
)

REFUSED = Refused("131026", "Message undeliverable", "The number has no WhatsApp.", 400)


@pytest.fixture
def sending(db: Database) -> Claimed:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    begin_posts(db, claimed)
    return claimed


@pytest.mark.parametrize(
    ("outcome", "state", "code", "tries"),
    [
        (ACCEPTED, "accepted", None, 1),
        (Accepted(None), "accepted", None, 1),
        (REFUSED, "failed", "131026", 1),
        (Wait(60, "503", "Busy", spent=True, status=503), "waiting", "503", 1),
        (Wait(60, "429", "Too fast", status=429), "waiting", "429", 0),
        (LOST, "uncertain", "read-timeout", 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Outcome) else str(value),
)
def test_an_outcome_leads_to_its_state(
    db: Database, sending: Claimed, outcome: Outcome, state: str, code: str | None, tries: int
) -> None:
    record_outcome(db, sending, outcome)
    kept, (tried,) = row(db, sending.id), attempts_of(db, sending.id)
    assert (kept["state"], kept["code"], kept["tries"]) == (state, code, tries)
    assert (kept["lease_until"], kept["strikes"]) == (None, 0)
    assert (tried["outcome"], tried["status"]) == (type(outcome).__name__.lower(), getattr(outcome, "status", None))
    assert tried["ended_at"] is not None
    assert audit(db).clean


def test_the_job_id_and_the_text_of_a_refusal_are_stored(db: Database) -> None:
    accepted, refused = send_message(db, reply(1)), send_message(db, reply(2), REFUSED)
    assert row(db, accepted)["job_id"] == attempts_of(db, accepted)[0]["job_id"] == "job-of-chatmitra"
    assert row(db, refused)["reason"] == "The number has no WhatsApp. Chat Mitra said: Message undeliverable"
    assert attempts_of(db, refused)[0]["text"] == "Message undeliverable"


def test_waiting_is_not_failing(db: Database, sending: Claimed) -> None:
    record_outcome(db, sending, Wait(3600, "429", "Too fast"))
    kept = row(db, sending.id)
    assert (kept["tries"], kept["waits"]) == (0, 1)
    assert abs(kept["due_at"] - kept["changed_at"] - timedelta(hours=1)) < timedelta(milliseconds=1)


@pytest.mark.parametrize("pause", [None, Pause("recipient", None, "131056", "Too many to this person")])
def test_a_message_that_waits_for_an_operator_is_due_at_its_deadline(
    db: Database, sending: Claimed, pause: Pause | None
) -> None:
    """No halt holds the messages to one person: it would be POSTed again at once, and again and again."""
    record_outcome(db, sending, replace(PARKED, pause=pause))
    kept = row(db, sending.id)
    assert (kept["state"], kept["due_at"]) == ("waiting", kept["expires_at"])


def test_a_message_that_a_gate_stopped_has_no_attempt(db: Database) -> None:
    one, two = claim_messages(db, *accept_messages(db, reply(1), reply(2)))
    record_outcome(db, one, Wait(60, "quiet-hours", "It is quiet."), posted=False)
    record_outcome(db, two, Cancelled("expired", "Too late."), posted=False)
    assert [row(db, each.id)["state"] for each in (one, two)] == ["waiting", "cancelled"]
    assert attempts_of(db, one.id) + attempts_of(db, two.id) == []
    assert trace_of(db, two.id) == ["cancelled"]


def test_a_code_is_erased_as_soon_as_it_is_done(db: Database) -> None:
    done = [send_message(db, otp(1)), send_message(db, otp(2), REFUSED)]
    (cancelled,) = accept_messages(db, otp(3))
    cancel(db, [cancelled], by="a test")
    for identity in (*done, cancelled):
        kept = row(db, identity)
        assert (kept["body"], kept["digest"]) == (None, None)
    assert row(db, send_message(db, reply(4)))["body"] is not None


def test_an_answer_after_the_sweep_counts(db: Database, sending: Claimed) -> None:
    age_messages(db, 31)
    run_sweep(db)
    assert row(db, sending.id)["state"] == "uncertain"
    record_outcome(db, sending, ACCEPTED)
    assert row(db, sending.id)["state"] == "accepted"
    assert audit(db).clean


@pytest.mark.parametrize("outcome", [REFUSED, Wait(5, "refused", "No connection")], ids=["refused", "not sent"])
def test_a_late_answer_of_any_kind_resolves_an_uncertain_message(
    db: Database, sending: Claimed, outcome: Outcome
) -> None:
    age_messages(db, 31)
    run_sweep(db)
    record_outcome(db, sending, outcome)
    assert row(db, sending.id)["state"] in ("failed", "waiting")
    assert audit(db).clean


@pytest.mark.parametrize("steps", range(4), ids=["waiting", "queued", "claimed", "sending"])
def test_a_resend_does_not_happen_when_the_first_answer_arrives(db: Database, sending: Claimed, steps: int) -> None:
    age_messages(db, 31)
    run_sweep(db, resend_after=0)
    run_sweep(db, resend_after=0)
    if steps == 1:
        dispatch_all(db)
    again = claim_messages(db, sending.id) if steps >= 2 else []
    if steps == 3:
        begin_posts(db, *again)
    assert row(db, sending.id)["state"] == ["waiting", "queued", "claimed", "sending"][steps]
    record_outcome(db, sending, ACCEPTED)
    assert row(db, sending.id)["state"] == "accepted"
    for claimed in again:
        started = begin_posts(db, claimed)
        assert not started
        record_outcome(db, claimed, Wait(5, "429", "Too fast"), posted=steps == 3)
    assert row(db, sending.id)["state"] == "accepted"
    assert audit(db).clean


def test_an_outcome_that_is_recorded_twice_counts_once(db: Database, sending: Claimed) -> None:
    for _ in range(2):
        record_outcome(db, sending, Wait(60, "429", "Too fast"))
    assert (row(db, sending.id)["waits"], row(db, sending.id)["tries"]) == (1, 0)
    assert trace_of(db, sending.id) == ["waiting"]


def test_a_message_whose_earlier_try_may_have_arrived_is_not_cancelled(db: Database, sending: Claimed) -> None:
    age_messages(db, 31)
    for _ in range(2):
        run_sweep(db, resend_after=0)
    assert row(db, sending.id)["state"] == "waiting"
    cancel(db, [sending.id], by="a test")
    assert row(db, sending.id)["state"] == "uncertain"
    assert row(db, sending.id)["maybe_duplicate"]


@pytest.mark.parametrize(
    "outcome",
    [
        ACCEPTED,
        REFUSED,
        Wait(None, "401", "Token", pause=Pause("lane", None, "401", "Token refused")),
        Cancelled("expired", "Too late."),
        Uncertain("reset", "Connection lost", 20.0, 502),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
def test_an_outcome_is_unchanged_after_redis(db: Database, sending: Claimed, outcome: Outcome) -> None:
    finish = ClaimResult.of(sending, outcome, posted=True)
    assert ClaimResult.from_dict(finish.to_dict()) == finish
    assert sending.recipient not in str(finish.to_dict())


def test_text_that_looks_like_sql_or_placeholders_is_stored_unchanged(db: Database, sending: Claimed) -> None:
    words = 'it\'s "{each}" :now %s \\ ; DROP TABLE message --'
    record_outcome(db, sending, Refused("x'y", words, "Look."))
    assert attempts_of(db, sending.id)[0]["text"] == words
    assert row(db, sending.id)["code"] == "x'y"


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_outcomes_of_every_kind_lock_messages_in_the_order_of_their_ids(
    db: Database,
) -> None:
    first, second = sorted(claim_messages(db, *accept_messages(db, reply(1), reply(2))), key=lambda one: one.id)
    begin_posts(db, first, second)
    both = [ClaimResult.of(first, REFUSED, posted=True), ClaimResult.of(second, ACCEPTED, posted=True)]
    with ThreadPoolExecutor(1) as worker:
        with db.write() as tx:
            held = select(message.c.id).with_for_update(nowait=True)
            tx.execute(held.where(message.c.id == first.id))
            recorded = worker.submit(record_results, db, both)
            time.sleep(0.3)
            tx.execute(held.where(message.c.id == second.id))
        recorded.result()
    assert states_of(db, [first.id, second.id]) == ["failed", "accepted"]
