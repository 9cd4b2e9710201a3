"""The breaker of the model: all workers stop asking together, and one of them probes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlalchemy import select, update

from harkara.ledger.database import Database
from harkara.ledger.model_halt import may_ask, record_outcome
from harkara.ledger.tables import halt
from tests.integration.ledger.steps import run_sweep


def end_pause(db: Database) -> None:
    with db.write() as tx:
        tx.execute(update(halt).values(until=tx.now))


def test_three_failures_stop_the_model_and_one_probe_may_ask(db: Database) -> None:
    assert [record_outcome(db, failed=True) for _ in range(3)] == [None, None, "opened"]
    assert may_ask(db) == "no"

    end_pause(db)
    assert [may_ask(db) for _ in range(3)] == ["probe", "no", "no"]
    assert record_outcome(db, failed=False) == "closed"
    assert may_ask(db) == "yes"


def test_two_failures_or_old_ones_do_not_stop_the_model(db: Database) -> None:
    with db.read() as tx:
        old = " ".join([(tx.now - timedelta(minutes=6)).isoformat()] * 2)
    record_outcome(db, failed=True)
    with db.write() as tx:
        tx.execute(update(halt).values(reason=old))

    assert [record_outcome(db, failed=True) for _ in range(2)] == [None, None]
    assert may_ask(db) == "yes"


def test_the_pauses_grow_while_the_probes_fail(db: Database) -> None:
    pauses = []
    for _ in range(3):
        record_outcome(db, failed=True)
    for _ in range(4):
        with db.read() as tx:
            pauses.append(round((tx.execute(select(halt.c.until)).scalar_one() - tx.now) / timedelta(minutes=1)))
        end_pause(db)
        assert may_ask(db) == "probe"
        record_outcome(db, failed=True)
    assert pauses == [1, 5, 15, 15]


def test_the_sweep_leaves_a_halt_whose_pause_is_over_to_its_probe(db: Database) -> None:
    for _ in range(3):
        record_outcome(db, failed=True)
    end_pause(db)
    run_sweep(db)
    assert [may_ask(db) for _ in range(2)] == ["probe", "no"]
    record_outcome(db, failed=True)
    with db.read() as tx:
        assert tx.execute(select(halt.c.times)).scalar_one() == 2, "the second pause is the longer one"


def test_a_late_success_does_not_end_a_halt(db: Database) -> None:
    for _ in range(3):
        record_outcome(db, failed=True)

    assert record_outcome(db, failed=False) is None
    assert may_ask(db) == "no"


def test_workers_that_fail_at_the_same_moment_open_one_halt(db: Database) -> None:
    record_outcome(db, failed=True)
    moment = Barrier(4)

    def fail(_: int) -> str | None:
        moment.wait()
        return record_outcome(db, failed=True)

    with ThreadPoolExecutor(4) as workers:
        changes = list(workers.map(fail, range(4)))

    assert sorted(map(str, changes)) == ["None", "None", "None", "opened"]
    with db.read() as tx:
        (one,) = tx.rows(select(halt))
    assert (one["code"], one["times"]) == ("open", 1)
