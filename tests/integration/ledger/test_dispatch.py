"""Dispatch: due messages are released in a fair order, at a cost that does not grow with later messages."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from config.periodic_work import worker_seconds
from harkara.delivery.leased_rounds import Rounds
from harkara.delivery.table_statistics import TableStatistics
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.halts import add_halt, park
from harkara.ledger.leases import TransactionLease
from harkara.ledger.messages.commands import cancel
from harkara.ledger.messages.dispatch import dispatch, unqueue
from harkara.ledger.messages.due import MANY_FLOWS, Flow, Share, choose_fairly, due_flows, find_obstacles
from harkara.ledger.tables import lease as lease_table
from harkara.ledger.tables import message
from harkara.ledger.transaction import Transaction
from harkara.limits import Allowance
from harkara.outcomes import Pause, Wait
from tests.integration.ledger.bulk import fill, only_analyzed_here, wait_until_counted
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import (
    accept_messages,
    age_messages,
    claim_messages,
    dispatch_all,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
    run_sweep,
    states_of,
    unlimited,
    unpark,
    update_message,
)

ROOT = Path(__file__).resolve().parents[3]
LANE = Lane("default", "token", None)
LIMITED = {"default": Lane("default", "token", Allowance(20, 60.0))}


def dispatch_limited(db: Database, urgent: int, marketing: int) -> list[str]:
    """Release messages of a limited lane with this capacity; return their ids."""
    found = dispatch(db, LIMITED, lambda lanes: dict.fromkeys(lanes, (urgent, marketing)), depth=9, queued_seconds=10)
    return [identity for identity, _ in found.hints]


def test_a_due_message_is_queued_and_a_later_one_waits(db: Database) -> None:
    now, tomorrow = accept_messages(db, reply(), reply(1, at=datetime.now(UTC) + timedelta(days=1)))
    assert dispatch_all(db) == [now]
    assert states_of(db, [now, tomorrow]) == ["queued", "waiting"]
    assert row(db, now)["lease_until"] is not None
    assert dispatch_all(db) == []


def test_urgent_messages_go_first(db: Database) -> None:
    ids = accept_messages(db, *(marketing(n) for n in range(5)), reply(5), otp(6))
    assert dispatch_all(db) == [ids[6], ids[5], *ids[:5]]


def test_the_earliest_deadline_goes_first(db: Database) -> None:
    ids = accept_messages(db, *(reply(n, expires=datetime.now(UTC) + timedelta(hours=9 - n)) for n in range(5)))
    assert dispatch_all(db) == ids[::-1]


def test_producers_take_turns(db: Database) -> None:
    flood = accept_messages(db, *(marketing(n, producer="flood") for n in range(20)))
    small = accept_messages(db, *(marketing(n, producer="small") for n in range(3)))
    first = dispatch_limited(db, 8, 8)
    assert Counter(identity in small for identity in first) == {True: 3, False: 5}
    assert set(first[:2]) == {flood[0], small[0]}


def test_turns_are_taken_within_one_priority_only(db: Database) -> None:
    accept_messages(db, *(marketing(n, producer="sales") for n in range(5)))
    replies = accept_messages(db, *(reply(n, producer="support") for n in range(4)))
    assert dispatch_limited(db, 4, 4) == replies


def test_marketing_leaves_capacity_for_urgent_messages(db: Database) -> None:
    accept_messages(db, *(marketing(n) for n in range(10)))
    assert len(dispatch_limited(db, 5, 3)) == 3
    replies = accept_messages(db, reply(1), reply(2), reply(3))
    assert dispatch_limited(db, 5, 3) == replies[:2], "three are queued already"


def test_queued_messages_count_against_the_capacity(db: Database) -> None:
    accept_messages(db, *(reply(n) for n in range(10)))
    assert len(dispatch_limited(db, 4, 3)) == 4
    assert dispatch_limited(db, 4, 3) == []
    assert len(dispatch_limited(db, 6, 3)) == 2


def test_a_lane_without_a_limit_is_filled_to_its_depth(db: Database) -> None:
    accept_messages(db, *(reply(n) for n in range(10)))
    lanes = {"default": Lane("default", "token", None)}
    first = dispatch(db, lanes, unlimited, depth=4, queued_seconds=10)
    again = dispatch(db, lanes, unlimited, depth=6, queued_seconds=10)
    assert (len(first.hints), len(again.hints)) == (4, 2)


def test_each_lane_has_its_own_capacity(db: Database) -> None:
    accept_messages(db, *(reply(n, lane=lane) for n in range(5) for lane in ("default", "other", "unknown")))
    ids = dispatch_all(db, "default", "other")
    assert Counter(row(db, identity)["lane"] for identity in ids) == {"default": 5, "other": 5}


def test_a_parked_lane_releases_nothing_and_others_go_on(db: Database) -> None:
    accept_messages(db, reply(1))
    (other,) = accept_messages(db, reply(2, lane="other"))
    park(db, "default", "A person said so.")
    assert dispatch_all(db, "default", "other") == [other]
    unpark(db, "default")
    assert len(dispatch_all(db, "default", "other")) == 1


def test_an_open_breaker_releases_nothing_and_a_half_open_one_releases_one_probe(db: Database) -> None:
    accept_messages(db, *(reply(n) for n in range(5)))
    with db.write() as tx:
        add_halt(tx, "default", Pause("lane", 60.0, "refused", "Not reachable"))
    assert dispatch_all(db) == []
    with db.write() as tx:
        tx.execute(text("UPDATE halt SET until = :past").bindparams(past=tx.now - timedelta(seconds=1)))
    assert len(dispatch_all(db)) == 1
    assert dispatch_all(db) == [], "the probe is still queued"


def test_a_message_whose_hint_was_not_published_is_due_at_once(db: Database) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(3)))
    released_ids = dispatch_all(db)
    claim_messages(db, ids[0])
    unqueue(db, released_ids)
    assert states_of(db, ids) == ["claimed", "waiting", "waiting"]
    assert sorted(dispatch_all(db)) == sorted(ids[1:])


def test_a_lane_has_a_backlog_while_a_due_message_waits(db: Database) -> None:
    def has_backlog(lane: str) -> bool:
        with db.read() as tx:
            return find_obstacles(tx, lane).backlog

    accept_messages(db, reply(1, at=datetime.now(UTC) + timedelta(hours=1)), marketing(2, lane="other"))
    assert [has_backlog("default"), has_backlog("other"), has_backlog("none")] == [False, True, False]
    dispatch_all(db, "other")
    assert not has_backlog("other")


def test_a_round_of_dispatch_releases_from_the_first_one_on_and_not_twice_within_its_interval(db: Database) -> None:
    def run_round(holder: str, every_seconds: float) -> list[str]:
        lease = TransactionLease("dispatch", holder, every_seconds)
        return [i for i, _ in dispatch(db, {"default": LANE}, unlimited, depth=2, queued_seconds=10, lease=lease).hints]

    ids = accept_messages(db, *(reply(n) for n in range(5)))
    assert run_round("first", 60) == ids[:2]
    claim_messages(db, *ids[:2])
    assert run_round("second", 60) == [], "the first one did it within the interval"
    assert run_round("second", 0) == ids[2:4]
    with db.read() as tx:
        assert not TransactionLease("dispatch", "first", 60).is_free(tx), "the second one did it now"
        assert tx.execute(select(lease_table.c.holder)).scalar_one() == "second"


def test_a_round_of_dispatch_in_an_idle_ledger_writes_nothing(db: Database) -> None:
    (later,) = accept_messages(db, reply(at=datetime.now(UTC) + timedelta(hours=1)))
    assert run_rounds(db) == []
    with db.read() as tx:
        assert tx.execute(select(lease_table.c.holder)).all() == []
    update_message(db, later, due_at=datetime.now(UTC) - timedelta(seconds=1))
    assert run_rounds(db) == [later]


def test_with_many_flows_a_round_of_dispatch_without_due_messages_counts_as_one(db: Database) -> None:
    if db.sqlite:
        pytest.skip("every process of SQLite looks for itself")
    later = datetime.now(UTC) + timedelta(hours=1)
    accept_messages(db, *(reply(n, lane=f"lane-{n}", at=later) for n in range(MANY_FLOWS + 1)))
    assert run_rounds(db) == []
    with db.read() as tx:
        assert tx.execute(select(lease_table.c.holder)).scalar_one() == "first"


def run_rounds(db: Database) -> list[str]:
    """Return what a round of a process releases, and then one of another process within its interval."""
    leases = (TransactionLease("dispatch", holder, 60) for holder in ("first", "second"))
    rounds = (dispatch(db, {"default": LANE}, unlimited, depth=2, queued_seconds=10, lease=each) for each in leases)
    return [identity for one in rounds for identity, _ in one.hints]


def test_a_round_releases_nothing_while_another_one_has_the_lease_and_waits_for_no_lock(db: Database) -> None:
    """The other one has begun to write after this one has found the lease free."""
    if db.sqlite:
        pytest.skip("SQLite has one writer")
    (due,) = accept_messages(db, reply())
    lanes = {"default": LIMITED["default"]}
    mine, its = (TransactionLease("dispatch", holder, 0) for holder in ("first", "second"))
    its.add(db)
    with ExitStack() as stack:

        def meanwhile(_: object) -> dict[str, tuple[int, int]]:
            its.acquire(stack.enter_context(db.write()))
            return {"default": (5, 5)}

        assert dispatch(db, lanes, meanwhile, depth=9, queued_seconds=10, lease=mine).hints == []
        assert states_of(db, [due]) == ["waiting"]
    after = dispatch(db, lanes, lambda _: {"default": (5, 5)}, depth=9, queued_seconds=10, lease=mine)
    assert [identity for identity, _ in after.hints] == [due]


DISPATCHER = """
import sys
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.transaction import Transaction
from harkara.ledger.messages.dispatch import dispatch
db = Database(sys.argv[1])
lanes = {"default": Lane("default", "token", None)}
with db.read() as tx:
    print("ready", tx.now, flush=True)
for turn in range(1, 201):
    sys.stdin.readline()
    hints = dispatch(db, lanes, None, depth=2 * turn, queued_seconds=60).hints
    print(*(identity for identity, _ in hints), flush=True)
db.close()
"""


def test_two_processes_that_dispatch_at_once_release_nothing_twice(db: Database) -> None:
    """They take each turn together, and in turn receive it first: otherwise one could end before the other begins."""
    ids = accept_messages(db, *(reply(n, producer=f"p{n % 5}") for n in range(400)))
    command = [sys.executable, "-c", DISPATCHER, db.url.render_as_string(hide_password=False)]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) for _ in range(2)]
    assert all(answer(process).startswith("ready") for process in both)
    found: list[list[str]] = [[], []]
    for turn in range(200):
        for process in both[:: -1 if turn % 2 else 1]:
            assert process.stdin
            print("go", file=process.stdin, flush=True)
        for process, its in zip(both, found, strict=True):
            its += answer(process).split()
    assert [process.communicate(timeout=60)[0] for process in both] == ["", ""]
    assert [process.returncode for process in both] == [0, 0]
    assert Counter(found[0] + found[1]) == Counter(ids)
    assert all(found), "both had a part in it"


def answer(process: subprocess.Popen[str]) -> str:
    """Return the next line that the process prints."""
    assert process.stdout
    return process.stdout.readline()


def test_a_round_costs_the_same_however_many_messages_are_due_later(db: Database) -> None:
    """PostgreSQL's statistics are of a time when no message waited, until a worker has renewed them."""
    if db.sqlite:
        assert scans_of_a_round(db) == []
        return
    dispatch_alone, sweep_alone = costs(db)
    with only_analyzed_here(db):
        (template,) = accept_messages(db, reply(at=datetime.now(UTC) + timedelta(days=9)))
        fill(db, template, 200_000)
        wait_until_counted(db, 200_000)
        assert "message" in TableStatistics(db, Rounds(db, "test", worker_seconds)).renew()
        dispatch_among_many, sweep_among_many = costs(db)
    # A scan of all messages would take a hundred times as long.
    assert dispatch_among_many < 4 * dispatch_alone + 0.05
    assert sweep_among_many < 4 * sweep_alone + 0.05


def scans_of_a_round(db: Database) -> list[str]:
    """Return the statements of a dispatch and a sweep on SQLite that read all messages, whatever their number."""
    ids = accept_messages(db, reply(), reply(1, at=datetime.now(UTC) + timedelta(days=9)))
    with executed_statements() as statements:
        assert dispatch_all(db) == ids[:1]
        assert not run_sweep(db)
    with db.read() as tx:
        plans = {each: tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}").all() for each in statements}
    assert len(plans) > 5
    return [each for each, plan in plans.items() if any(re.match(r"SCAN message(?! USING)", step[3]) for step in plan)]


def test_dispatch_and_accept_read_few_rows_before_postgresql_has_counted_a_bulk(db: Database) -> None:
    """To PostgreSQL, every index of waiting messages then is as good as any other."""
    if db.sqlite:
        pytest.skip("SQLite plans without statistics")
    ids = accept_messages(db, *(reply(n) for n in range(200)))
    with db.write() as tx:
        tx.execute(update(message).values(state="accepted", lease_until=None))
    with only_analyzed_here(db):
        with db.write() as tx:
            tomorrow = tx.now + timedelta(days=1)
            tx.execute(update(message).where(message.c.id == ids[0]).values(state="waiting", due_at=tomorrow))
        fill(db, ids[0], 20_000)
        with db.write() as tx:
            before = rows_read(tx)
            flows = due_flows(tx)
            assert not find_obstacles(tx, "default").backlog
            assert choose_fairly(tx, [Share(Flow("default", 1, f"p{n}"), 100) for n in range(7)]) == []
            assert flows == []
            assert rows_read(tx) - before < 1_000


def rows_read(tx: Transaction) -> int:
    """Count the rows of messages, and the entries of their indexes, that the transaction has read so far."""
    relations = "SELECT indexrelid FROM pg_index WHERE indrelid = 'message'::regclass UNION SELECT 'message'::regclass"
    count = f"SELECT sum(pg_stat_get_xact_tuples_returned(r.oid)) FROM ({relations}) AS r(oid)"
    return int(tx.execute(text(count)).scalar_one())


def costs(db: Database) -> tuple[float, float]:
    """Return the seconds of a dispatch and of a sweep: the least of seven, since other processes run on the host."""
    dispatches, sweeps = [], []
    for n in range(7):
        (fresh,) = accept_messages(db, reply(n))
        began = time.perf_counter()
        assert dispatch_all(db) == [fresh]
        dispatched = time.perf_counter()
        assert not run_sweep(db)
        dispatches.append(dispatched - began)
        sweeps.append(time.perf_counter() - dispatched)
        cancel(db, [fresh], by="the test")
    return min(dispatches), min(sweeps)


def test_dispatch_waits_for_no_message_that_another_transaction_changes(db: Database) -> None:
    """Otherwise it could be in a deadlock with a group commit, which locks many messages in its own order."""
    first, locked, last = accept_messages(db, *(reply(n) for n in range(3)))
    with locked_by_another(db, locked):
        assert dispatch_all(db) == [first, last]
    assert dispatch_all(db) == [locked]
    with locked_by_another(db, locked):
        unqueue(db, [first, locked, last])
    assert states_of(db, [first, locked, last]) == ["waiting", "queued", "waiting"]


def test_the_outcome_of_a_lost_claim_waits_for_no_lock_of_the_new_worker(db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    age_messages(db, 60)
    run_sweep(db)
    with locked_by_another(db, claimed.id):
        record_outcome(db, claimed, Wait(1.0, "lane-limit", "No slot is free."), posted=False)
    assert row(db, claimed.id)["strikes"] == 1


@contextmanager
def locked_by_another(db: Database, identity: str) -> Iterator[None]:
    """Lock a message as a long transaction does; SQLite has one writer and locks none."""
    if db.sqlite:
        pytest.skip("SQLite locks no rows")
    with db.write() as tx:
        tx.execute(select(message.c.id).where(message.c.id == identity).with_for_update())
        yield
