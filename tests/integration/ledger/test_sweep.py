"""Sweep: what a dead worker, a lost hint or the clock left behind is put where it belongs."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.halts import halt, halted
from harkara.ledger.messages.otp_limit import codes
from harkara.ledger.messages.record import Finish, finish
from harkara.ledger.sweep import MOST, POISON, Crashed, sweep
from harkara.ledger.tables import attempt
from harkara.outcomes import Outcome, Pause, Refused, Uncertain, Wait
from tests.integration.ledger.steps import (
    ACCEPTED,
    DAY,
    LOST,
    attempts,
    change,
    clean_up,
    code,
    dispatch_all,
    end,
    events,
    later,
    letter,
    offer,
    put,
    row,
    send,
    start,
    states,
    take,
)


def test_a_lost_hint_is_due_again_when_its_time_is_over(db: Database) -> None:
    (identity,) = put(db, letter())
    dispatch_all(db)
    assert not clean_up(db)
    later(db, 11)
    assert clean_up(db) == Counter({"given-back": 1})
    assert dispatch_all(db) == [identity]


def test_a_claim_whose_worker_died_goes_to_another_one(db: Database) -> None:
    (identity,) = put(db, letter())
    take(db, identity)
    later(db, 11)
    assert clean_up(db) == Counter({"given-back": 1})
    (claimed,) = take(db, identity)
    assert (claimed.epoch, row(db, identity)["maybe_duplicate"]) == (2, False)


def test_what_kills_its_workers_is_poison_and_others_flow(db: Database) -> None:
    poison, fine = put(db, letter(1), letter(2))
    for _ in range(POISON):
        take(db, poison)
        later(db, 11, poison)
        clean_up(db)
    assert states(db, [poison, fine]) == ["failed", "waiting"]
    assert row(db, poison)["code"] == "poison"
    assert audit(db).clean


def test_an_outcome_in_between_takes_the_suspicion_away(db: Database) -> None:
    (identity,) = put(db, letter())
    for _ in range(POISON):
        (claimed,) = take(db, identity)
        end(db, claimed, Wait(0, "lane-limit", "No slot"), posted=False)
    take(db, identity)
    later(db, 11)
    assert clean_up(db) == Counter({"given-back": 1})


def test_a_post_without_a_record_is_uncertain_and_the_policy_says_what_then(db: Database) -> None:
    ids = put(db, code(1), letter(2))
    start(db, *take(db, *ids))
    later(db, 31)
    asked: list[Crashed] = []

    def policy(crashed: Crashed) -> Uncertain:
        asked.append(crashed)
        again = 20.0 if crashed.category == "authentication" else None
        return Uncertain("crash", "Its worker went away.", again)

    assert sweep(db, policy, retention_seconds=None) == Counter({"uncertain": 2})
    assert states(db, ids) == ["uncertain"] * 2
    assert {(one.category, one.tries, one.resends) for one in asked} == {("authentication", 1, 0), ("reply", 1, 0)}
    assert all(0 < one.seconds_left <= DAY for one in asked)
    assert [row(db, identity)["resend_at"] is None for identity in ids] == [False, True]
    assert attempts(db, ids[0])[0]["outcome"] == "uncertain"


def test_what_the_policy_sends_once_more_is_flagged_and_goes_at_its_time(db: Database) -> None:
    identity = send(db, letter(), Uncertain("reset", "Connection lost", 20.0))
    assert not clean_up(db)
    later(db, 21)
    assert clean_up(db) == Counter({"resent": 1})
    kept = row(db, identity)
    assert (kept["state"], kept["maybe_duplicate"], kept["resends"], kept["code"]) == ("waiting", True, 1, "resend")
    (claimed,) = take(db, identity)
    start(db, claimed)
    end(db, claimed, ACCEPTED)
    assert audit(db).clean
    assert audit(db).flagged == 1


def test_nothing_is_sent_once_more_after_its_deadline(db: Database) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=10)
    send(db, letter(expires=soon), Uncertain("reset", "Connection lost", 5.0))
    later(db, 11)
    assert not clean_up(db)


def test_what_is_late_is_cancelled_and_what_is_not_waits_on(db: Database) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=10)
    late, fine, future = put(db, letter(1, expires=soon), letter(2), letter(3, at=soon + timedelta(days=9)))
    later(db, 11)
    assert clean_up(db) == Counter({"expired": 1})
    assert states(db, [late, fine, future]) == ["cancelled", "waiting", "waiting"]
    assert (row(db, late)["code"], events(db, late)) == ("expired", ["cancelled"])


def test_what_waits_for_an_operator_in_vain_expires(db: Database) -> None:
    identity = send(db, letter(), Wait(None, "unknown", "Nobody knows this code."))
    later(db, DAY + 1)
    clean_up(db)
    assert row(db, identity)["code"] == "expired"


def test_text_and_number_are_erased_when_their_time_is_over_and_nothing_else(db: Database) -> None:
    done = [send(db, letter(1)), send(db, letter(2), LOST), send(db, letter(3), Refused("1", "…", "…"))]
    (waiting,) = put(db, letter(4, at=datetime.now(UTC) + timedelta(days=400)))
    later(db, 90 * DAY)
    assert "erased" not in clean_up(db, retention=None)
    assert "erased" not in clean_up(db, retention=91 * DAY)
    before = [row(db, identity) for identity in done]
    assert clean_up(db, retention=89 * DAY) == Counter({"erased": 3})
    erased = {"body": None, "recipient": None, "digest": None}
    assert [row(db, identity) for identity in done] == [kept | erased for kept in before]
    assert row(db, waiting)["recipient"] is not None
    assert not clean_up(db, retention=89 * DAY)
    assert audit(db).clean


def test_a_resend_never_follows_the_erasure(db: Database) -> None:
    identity = send(db, letter(), Uncertain("reset", "Connection lost", 10.0))
    later(db, 2 * DAY)
    clean_up(db, retention=DAY)
    clean_up(db, retention=DAY)
    assert (row(db, identity)["state"], row(db, identity)["resend_at"]) == ("uncertain", None)


def test_pauses_that_are_over_go_but_a_lane_waits_for_its_probe(db: Database) -> None:
    with db.write() as tx:
        halt(tx, "default", Pause("template", -1.0, "132015", "Paused"), "sale")
        halt(tx, "default", Pause("lane", -1.0, "refused", "Not reachable"))
        halt(tx, "default", Pause("template", 60.0, "132015", "Paused"), "news")
    assert clean_up(db) == Counter({"halts": 1})
    with db.read() as tx:
        assert {(h.scope, h.subject) for h in halted(tx)} == {("lane", ""), ("template", "news")}


def test_a_sweep_takes_no_more_at_once_than_others_can_wait_for(db: Database) -> None:
    put(db, *(letter(n) for n in range(MOST + 1)))
    dispatch_all(db, depth=MOST + 1)
    later(db, 11)
    assert [clean_up(db)["given-back"] for _ in range(3)] == [MOST, 1, 0]


def test_many_sweeps_at_once_do_each_thing_once(db: Database) -> None:
    ids = put(db, *(letter(n) for n in range(60)))
    start(db, *take(db, *ids))
    later(db, 31)
    with ThreadPoolExecutor(6) as threads:
        moved = list(threads.map(lambda _: clean_up(db)["uncertain"], range(6)))
    assert sum(moved) == 60
    assert {tuple(events(db, identity)) for identity in ids} == {("uncertain",)}


def test_a_sweep_and_the_answers_that_come_meanwhile_do_not_wait_for_each_other_for_ever(db: Database) -> None:
    for _ in range(6):
        claims = take(db, *put(db, *(letter(n) for n in range(24))))
        start(db, *claims)
        later(db, 31)
        outcomes: list[Outcome] = [ACCEPTED, Wait(0, "429", "Too fast", status=429)] * 12
        late = [Finish.of(claimed, outcome, posted=True) for claimed, outcome in zip(claims, outcomes, strict=True)]
        with ThreadPoolExecutor(2) as threads:
            swept, recorded = threads.submit(clean_up, db), threads.submit(record, db, late)
            swept.result()
            recorded.result()
    assert audit(db).clean


def record(db: Database, finishes: list[Finish]) -> None:
    with db.write() as tx:
        finish(tx, finishes)


def test_codes_of_the_last_hour_are_counted_by_those_that_may_have_arrived(db: Database) -> None:
    def known() -> tuple[set[str], set[str]]:
        with db.read() as tx:
            found = codes(tx, ["919876500007"])["919876500007"]
        return found.sent, found.in_hand

    arrived = [send(db, code(7)), send(db, code(7), LOST)]
    send(db, code(7), Refused("100", "Bad parameter", "Correct it."))
    send(db, code(7), Wait(60, "refused", "No connection"))
    send(db, code(8))
    held, sending = put(db, code(7), code(7))
    start(db, *take(db, sending))
    take(db, held)
    assert known() == ({*arrived, sending}, {held})
    for identity in arrived:
        age(db, identity, 3601)
    assert known() == ({sending}, {held})


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_no_look_of_a_round_reads_the_whole_table(db: Database) -> None:
    """In SQLite a partial index serves only a query that repeats its condition. (PostgreSQL is measured elsewhere.)"""
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            plan = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(step[3] for step in plan)

    event.listen(db.engine, "before_cursor_execute", explain)
    put(db, letter(1), offer(2))
    clean_up(db, retention=DAY)
    ids = dispatch_all(db)
    start(db, *take(db, *ids))
    assert [plan for plan in plans if plan.startswith("SCAN message") and "INDEX" not in plan] == []
    assert any("ix_message_lease" in plan for plan in plans)


def age(db: Database, identity: str, seconds: float) -> None:
    """Makes the POSTs of a message older."""
    (tried,) = attempts(db, identity)
    past = tried["started_at"] - timedelta(seconds=seconds)
    with db.write() as tx:
        tx.execute(update(attempt).where(attempt.c.message_id == identity).values(started_at=past))
    change(db, identity, posted_at=past)
