"""A Redis and a ledger belong together: no second ledger uses the Redis, and no second Redis serves the ledger."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import update

from harkara.errors import OtherDeployment, Unavailable
from harkara.intake.stream import Intake
from harkara.ledger.database import Database
from harkara.ledger.identity import ALIVE_SECONDS, ledger_identity, live_processes
from harkara.ledger.tables import process
from harkara.pairing import CopyInUse, Pairing
from harkara.redis_client import connect
from harkara.redis_identity import DATABASE, LEDGER, OWN, assign_redis, read_identity
from harness.ledger import open_ledger
from harness.valkey import ValkeyServer, valkey
from tests.integration.ledger.statements import executed_statements


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Database]:
    """The ledger of another deployment."""
    with open_ledger(f"sqlite:///{tmp_path / 'staging.db'}") as database:
        yield database


@pytest.fixture
def second_redis() -> Iterator[redis.Redis]:
    with valkey() as server, connect(server.url, seconds=30) as connection:
        yield connection


def started(db: Database, connection: redis.Redis, name: str = "web") -> Pairing:
    pairing = Pairing(db, connection, name)
    pairing.start()
    return pairing


def test_the_first_process_gives_the_redis_to_its_ledger(redis_client: redis.Redis, db: Database) -> None:
    assert read_identity(redis_client).ledger == ""
    pairing = started(db, redis_client)
    pairing.require()
    found, own = read_identity(redis_client), ledger_identity(db)
    assert (found.ledger, found.database) == (own.ledger, own.database)
    assert [each.redis for each in live_processes(db)] == [found.own]
    pairing.close()
    assert live_processes(db) == []


def test_a_check_that_finds_all_as_before_asks_redis_alone_and_writes_nothing(
    redis_client: redis.Redis, db: Database
) -> None:
    pairing = started(db, redis_client)
    pairing.check()
    redis_client.persist(DATABASE)
    with executed_statements() as statements:
        pairing.check()
    assert (statements, redis_client.ttl(DATABASE)) == ([], -1)
    redis_client.delete(OWN)
    pairing.check()
    assert [each.redis for each in live_processes(db)] == [read_identity(redis_client).own]


def test_another_deployment_on_the_same_redis_is_refused_before_it_reads_anything(
    redis_client: redis.Redis, db: Database, other: Database
) -> None:
    started(db, redis_client)
    staging = Pairing(other, redis_client, "worker")
    mine, theirs = ledger_identity(db).ledger[:8], ledger_identity(other).ledger[:8]
    with pytest.raises(OtherDeployment, match=f"belongs to ledger {mine}.* is ledger {theirs}.*--adopt-redis"):
        staging.start()
    with pytest.raises(OtherDeployment):
        staging.require()
    assert live_processes(other) == []
    started(db, redis_client, "second").require()


def test_another_database_number_keeps_two_deployments_apart(
    valkey_server: ValkeyServer, redis_client: redis.Redis, db: Database, other: Database
) -> None:
    started(db, redis_client)
    with connect(valkey_server.url.replace("/0", "/1"), seconds=30) as one:
        started(other, one).require()


def test_an_emptied_redis_is_accepted_by_all_and_given_to_the_ledger_again(
    redis_client: redis.Redis, db: Database
) -> None:
    workers = [started(db, redis_client, f"worker-{n}") for n in range(3)]
    before = read_identity(redis_client)
    redis_client.flushall()
    for _ in range(2):
        for worker in workers:
            worker.check()
    after = read_identity(redis_client)
    assert (after.ledger, after.own != before.own) == (before.ledger, True)
    began = time.monotonic()
    started(db, redis_client, "late").require()
    assert time.monotonic() - began < 30
    assert {each.redis for each in live_processes(db)} == {after.own}


def test_a_start_just_after_redis_was_emptied_waits_for_the_others_to_see_it(
    redis_client: redis.Redis, db: Database
) -> None:
    running = started(db, redis_client, "running")
    redis_client.flushall()
    with ThreadPoolExecutor() as threads:
        late = threads.submit(started, db, redis_client, "late")
        time.sleep(1)
        assert not late.done()
        running.check()
        late.result(timeout=60).require()
    running.require()


def test_a_redis_that_replaces_a_lost_one_is_accepted(
    redis_client: redis.Redis, second_redis: redis.Redis, db: Database
) -> None:
    """The processes of the lost Redis cannot see it any more; after a while they do not count."""
    started(db, redis_client, "before")
    with db.write() as tx:
        tx.execute(update(process).values(seen_at=tx.now - timedelta(seconds=ALIVE_SECONDS - 2)))
    began = time.monotonic()
    started(db, second_redis, "after").require()
    assert 1 < time.monotonic() - began < 30


def test_a_second_redis_is_refused_while_processes_see_the_first(
    redis_client: redis.Redis, second_redis: redis.Redis, db: Database
) -> None:
    running = started(db, redis_client, "running")
    with ThreadPoolExecutor() as threads:
        newcomer = threads.submit(started, db, second_redis, "newcomer")
        end = time.monotonic() + 60
        while not newcomer.done() and time.monotonic() < end:
            running.check()
            time.sleep(0.2)
        with pytest.raises(OtherDeployment, match=r"another Redis than running:.*HARKARA_REDIS_URL"):
            newcomer.result()
    running.require()
    assert [each.name.partition(":")[0] for each in live_processes(db)] == ["running"]


def test_of_two_processes_that_start_at_once_with_two_redis_the_later_one_stops(
    redis_client: redis.Redis, second_redis: redis.Redis, db: Database
) -> None:
    first, second = Pairing(db, redis_client, "first"), Pairing(db, second_redis, "second")
    first.check()
    second.check()
    stopped: set[Pairing] = set()
    end = time.monotonic() + 60
    while not stopped and time.monotonic() < end:
        time.sleep(0.5)
        for each in (first, second):
            try:
                each.check()
            except OtherDeployment:
                stopped.add(each)
    assert stopped == {second}


def test_a_redis_that_became_anothers_is_noticed_while_the_process_runs(
    redis_client: redis.Redis, db: Database, other: Database
) -> None:
    pairing = started(db, redis_client)
    redis_client.flushall()
    started(other, redis_client)
    with pytest.raises(OtherDeployment):
        pairing.check()
    with pytest.raises(OtherDeployment):
        pairing.require()


def test_a_copy_of_the_ledger_is_refused_while_the_original_runs_and_accepted_afterwards(
    redis_client: redis.Redis, tmp_path: Path
) -> None:
    file = tmp_path / "production.db"
    with open_ledger(f"sqlite:///{file}") as production:
        running = started(production, redis_client)
        production.close()  # so that the file is complete
        shutil.copy(file, tmp_path / "copy.db")
        running.check()
    with open_ledger(f"sqlite:///{tmp_path / 'copy.db'}") as copy:
        pairing = Pairing(copy, redis_client, "copy")
        with pytest.raises(CopyInUse, match="another copy of ledger"):
            pairing.check()
        assert 0 < redis_client.ttl(DATABASE) <= 30
        redis_client.delete(DATABASE)  # as 30 s after the last process of the original
        pairing.start()
        pairing.require()


def test_a_ledger_that_was_restored_keeps_its_redis(redis_client: redis.Redis, tmp_path: Path) -> None:
    file = tmp_path / "harkara.db"
    with open_ledger(f"sqlite:///{file}") as before:
        ledger = ledger_identity(before).ledger
        started(before, redis_client).close()
    shutil.copy(file, tmp_path / "backup.db")
    file.unlink()
    shutil.copy(tmp_path / "backup.db", file)
    redis_client.delete(DATABASE)  # as 30 s later
    with open_ledger(f"sqlite:///{file}") as restored:
        started(restored, redis_client).require()
        assert ledger_identity(restored).ledger == ledger


def test_a_ledger_can_take_over_the_redis_of_one_that_is_gone(
    redis_client: redis.Redis, db: Database, other: Database
) -> None:
    started(other, redis_client)
    own = ledger_identity(db)
    assign_redis(redis_client, own.ledger, own.database)
    started(db, redis_client).require()


def test_a_full_redis_is_no_reason_to_refuse_a_start(redis_server: ValkeyServer, db: Database) -> None:
    with connect(redis_server.url, seconds=30) as connection:
        connection.config_set("maxmemory", 1)
        started(db, connection).require()
        connection.config_set("maxmemory", 0)
        assert connection.exists(LEDGER, OWN) == 0


def test_an_unreachable_redis_is_unavailable_and_checked_before_the_first_work(
    redis_server: ValkeyServer, db: Database
) -> None:
    with connect(redis_server.url, seconds=30) as connection:
        pairing = Pairing(db, connection, "worker")
        redis_server.stop()
        with pytest.raises(Unavailable):
            pairing.start()
        with pytest.raises(Unavailable):
            pairing.require()
        redis_server.start()
        pairing.require()


def test_a_reader_takes_nothing_from_a_redis_that_became_anothers_since_its_last_check(
    redis_client: redis.Redis, db: Database
) -> None:
    pairing = started(db, redis_client)
    intake = Intake(redis_client, "reader", ledger=pairing.ledger)
    Intake(redis_client).append("send", ["{}"])
    redis_client.set(LEDGER, "0123456789abcdef")
    with pytest.raises(OtherDeployment):
        intake.read()
    redis_client.delete(LEDGER)  # as after FLUSHALL
    assert len(intake.read()) == 1


def test_a_wait_for_the_first_check_ends_when_it_passes(redis_client: redis.Redis, db: Database) -> None:
    pairing = Pairing(db, redis_client, "worker")
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(pairing.wait, 600)
        pairing.check()
        waiting.result(timeout=60)
    pairing.require()
