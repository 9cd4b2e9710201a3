"""Halts: a lane or template that is held back, for how long, and what ends it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from harkara.ledger.database import Database, Row
from harkara.ledger.halts import LONGEST_SECONDS, active_halts, add_halt, list_halts, park, unpark
from harkara.ledger.messages.record import record
from harkara.ledger.messages.result import ClaimResult
from harkara.ledger.tables import halt
from harkara.outcomes import Pause, Refused, Wait
from tests.integration.ledger.steps import (
    ACCEPTED,
    accept_messages,
    begin_posts,
    claim_messages,
    record_outcome,
    reply,
    row,
    send_message,
)

BREAKER = Pause("lane", 5.0, "refused", "Not reachable")
TOKEN = Pause("lane", None, "401", "Token refused")


def put_halt(db: Database, pause: Pause, lane: str = "default", template: str | None = None) -> None:
    with db.write() as tx:
        add_halt(tx, lane, pause, template)


def halts(db: Database) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(halt))


def run_out(db: Database) -> None:
    """The time of every halt is over."""
    with db.write() as tx:
        tx.execute(update(halt).where(halt.c.until.is_not(None)).values(until=tx.now - timedelta(seconds=1)))


def seconds(db: Database) -> float | None:
    with db.read() as tx:
        (only,) = active_halts(tx)
    return only.seconds


def test_each_failed_probe_doubles_the_time_up_to_its_bound(db: Database) -> None:
    waits = []
    for _ in range(9):
        put_halt(db, BREAKER)
        waits.append(round(seconds(db) or 0))
        run_out(db)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert waits[-1] == LONGEST_SECONDS


def test_the_echo_of_a_failure_makes_no_halt_longer(db: Database) -> None:
    for _ in range(3):
        put_halt(db, BREAKER)
    assert round(seconds(db) or 0) == 5


def test_a_halt_for_good_is_never_shortened_and_replaces_a_short_one(db: Database) -> None:
    put_halt(db, BREAKER)
    put_halt(db, TOKEN)
    put_halt(db, BREAKER)
    assert [(one["code"], one["until"]) for one in halts(db)] == [("401", None)]


def test_an_answer_ends_what_was_to_be_probed(db: Database) -> None:
    put_halt(db, BREAKER)
    run_out(db)
    send_message(db, reply())
    assert halts(db) == []


@pytest.mark.parametrize("pause", [TOKEN, BREAKER], ids=["for good", "running"])
def test_the_answer_to_what_was_under_way_ends_no_halt(db: Database, pause: Pause) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    begin_posts(db, claimed)
    put_halt(db, pause)
    record_outcome(db, claimed, ACCEPTED)
    assert len(halts(db)) == 1


def test_an_outcome_brings_its_pause_for_the_lane_or_the_template(db: Database) -> None:
    first = send_message(db, reply(1), Wait(None, "401", "Token", status=401, pause=TOKEN))
    assert row(db, first)["due_at"] == row(db, first)["changed_at"], "the lane holds it, it does not wait by itself"
    pause = Pause("template", 60.0, "132015", "Paused")
    (claimed,) = claim_messages(db, *accept_messages(db, reply(2, lane="other")))
    begin_posts(db, claimed)
    record_outcome(db, claimed, Refused("132015", "Template paused", "Improve it.", 400, pause))
    assert {(one["lane"], one["scope"], one["code"]) for one in halts(db)} == {
        ("default", "lane", "401"),
        ("other", "template", "132015"),
    }


def test_the_late_outcome_of_an_old_claim_holds_nothing_back(db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    record_outcome(db, claimed, Wait(None, "401", "Token", status=401, pause=TOKEN))
    assert halts(db) == []


def test_lifting_a_halt_makes_what_it_held_due_now(db: Database) -> None:
    put_halt(db, TOKEN)
    put_halt(db, Pause("template", None, "132015", "Paused"), template="sale")
    held, other = accept_messages(db, reply(1), reply(2))
    for claimed in claim_messages(db, held, other):
        code = "template-paused" if claimed.id == held else "quiet-hours"
        record_outcome(db, claimed, Wait(3600, code, "Held back"), posted=False)
    assert unpark(db, "default") == 2
    assert [one.id for one in claim_messages(db, held, other)] == [held]
    assert unpark(db, "default") == 0


def test_the_list_says_what_is_held_back_and_what_tries_again(db: Database) -> None:
    park(db, "default", "Maintenance at the shop")
    put_halt(db, BREAKER, lane="other")
    put_halt(db, Pause("template", 60.0, "132015", "Paused"), lane="third", template="sale")
    told = [(one.lane, one.template, one.state, one.code) for one in list_halts(db)]
    assert told == [
        ("default", None, "parked", "operator"),
        ("other", None, "paused", "refused"),
        ("third", "sale", "paused", "132015"),
    ]
    run_out(db)
    assert [one.state for one in list_halts(db)] == ["parked", "probing", "probing"]


def test_workers_that_hold_and_free_the_same_lanes_at_once_do_not_wait_for_each_other_for_ever(db: Database) -> None:
    lanes = ["a", "b", "c", "d"]
    for lane in lanes:
        put_halt(db, BREAKER, lane=lane)

    def work(turn: int) -> None:
        claims = claim_messages(db, *accept_messages(db, *(reply(turn, lane=lane) for lane in lanes)))
        begin_posts(db, *claims)
        if turn % 8 == 0:
            run_out(db)
        held = Wait(0, "refused", "Not reachable", pause=Pause("lane", 0.001, "refused", "Not reachable"))
        finishes = [ClaimResult.of(c, held if (n + turn) % 2 else ACCEPTED, posted=True) for n, c in enumerate(claims)]
        with db.write() as tx:
            record(tx, finishes if turn % 3 else finishes[::-1])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(40)))
