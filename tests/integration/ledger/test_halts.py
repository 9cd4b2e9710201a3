"""Halts: how long a lane or template is halted, and what ends the halt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from harkara.delivery import gates
from harkara.delivery.gates import check
from harkara.errors import Conflict
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.halts import (
    FAILOVER,
    LONGEST_SECONDS,
    RESTORED,
    active_halts,
    add_halt,
    lift_halts,
    list_halts,
    park,
)
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.record import record
from harkara.ledger.tables import halt
from harkara.ledger.transaction import Row
from harkara.outcomes import Pause, Refused, Wait
from tests.integration.ledger.steps import (
    ACCEPTED,
    accept_messages,
    begin_posts,
    claim_messages,
    marketing,
    record_outcome,
    reply,
    row,
    send_message,
    unpark,
)

BREAKER = Pause("lane", 5.0, "refused", "Not reachable")
TOKEN = Pause("lane", None, "401", "Token refused")
LANES = {"default": Lane("default", "token", None)}


def halt_lane(db: Database, pause: Pause, lane: str = "default", template: str | None = None) -> None:
    with db.write() as tx:
        add_halt(tx, lane, pause, template)


def halts(db: Database) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(halt))


def end_all(db: Database) -> None:
    """Move the end of every halt into the past."""
    with db.write() as tx:
        tx.execute(update(halt).where(halt.c.until.is_not(None)).values(until=tx.now - timedelta(seconds=1)))


def seconds(db: Database) -> float | None:
    with db.read() as tx:
        (only,) = active_halts(tx)
    return only.seconds


def test_each_failed_probe_doubles_the_time_up_to_a_limit(db: Database) -> None:
    waits = []
    for _ in range(9):
        halt_lane(db, BREAKER)
        waits.append(round(seconds(db) or 0))
        end_all(db)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert waits[-1] == LONGEST_SECONDS


def test_an_outage_of_days_ends_no_probe_with_an_error(db: Database) -> None:
    """Nearly 300 probes fail in a day."""
    halt_lane(db, BREAKER)
    end_all(db)
    with db.write() as tx:
        tx.execute(update(halt).values(times=5_000))
    send_message(db, reply(), Wait(5.0, "refused", "Not reachable", pause=BREAKER))
    assert round(seconds(db) or 0) == LONGEST_SECONDS


def test_further_failures_do_not_prolong_a_running_halt(db: Database) -> None:
    for _ in range(3):
        halt_lane(db, BREAKER)
    assert round(seconds(db) or 0) == 5


def test_a_halt_without_an_end_replaces_a_timed_one_and_is_never_shortened(db: Database) -> None:
    halt_lane(db, BREAKER)
    halt_lane(db, TOKEN)
    halt_lane(db, BREAKER)
    assert [(one["code"], one["until"]) for one in halts(db)] == [("401", None)]


@pytest.mark.parametrize("code", [RESTORED, FAILOVER])
def test_a_lane_that_waits_for_a_recovery_stays_so_whatever_an_answer_asks_for(db: Database, code: str) -> None:
    """The code lets nothing be claimed, and no operator unpark the lane before `harkara recover`."""
    (claimed,) = claim_messages(db, *accept_messages(db, reply(1)))
    begin_posts(db, claimed)
    halt_lane(db, Pause("lane", None, code, "The ledger lacks POSTs."))
    record_outcome(db, claimed, Wait(None, "401", "Token refused", status=401, pause=TOKEN))
    assert [one["code"] for one in halts(db)] == [code]
    with pytest.raises(Conflict):
        unpark(db, "default")
    assert claim_messages(db, *accept_messages(db, reply(2))) == []
    park(db, "default", "Recovered, and to be decided")
    assert unpark(db, "default") == 1


def test_an_answer_ends_a_halt_that_has_run_out(db: Database) -> None:
    halt_lane(db, BREAKER)
    end_all(db)
    send_message(db, reply())
    assert halts(db) == []


@pytest.mark.parametrize("pause", [TOKEN, BREAKER], ids=["without end", "running"])
def test_the_answer_to_an_earlier_message_ends_no_halt(db: Database, pause: Pause) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    begin_posts(db, claimed)
    halt_lane(db, pause)
    record_outcome(db, claimed, ACCEPTED)
    assert len(halts(db)) == 1


def test_an_outcome_halts_its_lane_or_template(db: Database) -> None:
    first = send_message(db, reply(1), Wait(None, "401", "Token", status=401, pause=TOKEN))
    assert row(db, first)["due_at"] == row(db, first)["changed_at"], "the halt keeps it back, so it is due at once"
    pause = Pause("template", 60.0, "132015", "Paused")
    (claimed,) = claim_messages(db, *accept_messages(db, reply(2, lane="other")))
    begin_posts(db, claimed)
    record_outcome(db, claimed, Refused("132015", "Template paused", "Improve it.", 400, pause))
    assert {(one["lane"], one["scope"], one["code"]) for one in halts(db)} == {
        ("default", "lane", "401"),
        ("other", "template", "132015"),
    }


def test_the_late_outcome_of_an_old_claim_halts_nothing(db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    record_outcome(db, claimed, Wait(None, "401", "Token", status=401, pause=TOKEN))
    assert halts(db) == []


def test_lifting_a_halt_makes_its_messages_due(db: Database) -> None:
    halt_lane(db, TOKEN)
    halt_lane(db, Pause("template", None, "132015", "Paused"), template="sale")
    held, other = accept_messages(db, reply(1), reply(2))
    for claimed in claim_messages(db, held, other):
        code = "template-paused" if claimed.id == held else "quiet-hours"
        record_outcome(db, claimed, Wait(3600, code, "Held back"), posted=False)
    assert unpark(db, "default") == 2
    assert [one.id for one in claim_messages(db, held, other)] == [held]
    assert unpark(db, "default") == 0


@pytest.mark.parametrize(
    ("pause", "code"),
    [
        (Pause("template", None, "132015", "Paused"), "template-paused"),
        (Pause("lane", 3600.0, "80007", "Too many requests"), "lane-parked"),
    ],
)
def test_a_halt_that_is_lifted_between_the_gate_and_the_record_of_its_wait_holds_nothing(
    db: Database, pause: Pause, code: str
) -> None:
    halt_lane(db, pause, template="spring_sale")
    (identity,) = accept_messages(db, marketing())
    (claimed,) = claim_messages(db, identity)
    waits = check(claimed, gates.load(db, LANES, [claimed]))
    assert isinstance(waits, Wait)
    assert waits.code == code
    assert unpark(db, "default") == 1
    record_outcome(db, claimed, waits, posted=False)
    assert [one.id for one in claim_messages(db, identity)] == [identity]


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_a_wait_is_recorded_while_another_transaction_lifts_its_halt(db: Database) -> None:
    halt_lane(db, Pause("template", None, "132015", "Paused"), template="spring_sale")
    (identity,) = accept_messages(db, marketing())
    (claimed,) = claim_messages(db, identity)
    waits = Wait(None, "template-paused", "Paused")
    with db.write() as tx:
        assert lift_halts(tx, "default") == 1
        record_outcome(db, claimed, waits, posted=False)
    assert [one.id for one in claim_messages(db, identity)] == [identity]


def test_the_list_shows_parked_paused_and_probing_halts(db: Database) -> None:
    park(db, "default", "Maintenance at the shop")
    halt_lane(db, BREAKER, lane="other")
    halt_lane(db, Pause("template", 60.0, "132015", "Paused"), lane="third", template="sale")
    shown = [(one.lane, one.template, one.state, one.code) for one in list_halts(db)]
    assert shown == [
        ("default", None, "parked", "operator"),
        ("other", None, "paused", "refused"),
        ("third", "sale", "paused", "132015"),
    ]
    end_all(db)
    assert [one.state for one in list_halts(db)] == ["parked", "probing", "probing"]


def test_workers_that_halt_and_free_the_same_lanes_at_once_do_not_deadlock(db: Database) -> None:
    lanes = ["a", "b", "c", "d"]
    for lane in lanes:
        halt_lane(db, BREAKER, lane=lane)

    def work(turn: int) -> None:
        claims = claim_messages(db, *accept_messages(db, *(reply(turn, lane=lane) for lane in lanes)))
        if claims:  # none when all lanes are halted at this moment
            begin_posts(db, *claims)
        if turn % 8 == 0:
            end_all(db)
        held = Wait(0, "refused", "Not reachable", pause=Pause("lane", 0.001, "refused", "Not reachable"))
        finishes = [ClaimResult.of(c, held if (n + turn) % 2 else ACCEPTED, posted=True) for n, c in enumerate(claims)]
        with db.write() as tx:
            record(tx, finishes if turn % 3 else finishes[::-1])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(40)))
