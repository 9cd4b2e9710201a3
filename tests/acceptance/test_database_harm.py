"""The database is locked, away, read-only, full, or its answer is lost: without the ledger nothing is sent."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from harkara import Unavailable
from harness.postgres import PostgresServer
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.lossy import lossy
from tests.acceptance.mail import mail, mails

THREADS = 8
AWAY = 10.0
"""Seconds."""

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@ON_SQLITE
def test_a_writer_that_froze_in_its_transaction_stops_the_others_and_no_more(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """SQLite is locked for ten seconds, in the middle of a recording."""
    handed_over = mails(200, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.faults(latency_ms=100)
        sleeper = harkara.start_worker(HARKARA_KILL_AT="K4b@5~")
        harkara.start_worker()
        harkara.hand_over(handed_over)
        harkara.wait(lambda: sleeper.suspended, "a worker freezes in its transaction")
        nothing_is_sent_without_the_ledger(harkara)
        sleeper.resume()
        harkara.wait_settled(200)
        harkara.examine(handed_over).assert_kept()


@ON_POSTGRES
def test_a_drain_goes_on_when_the_database_was_killed(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str, postgres_server: PostgresServer
) -> None:
    """Away for ten seconds, and then for a moment three times more."""
    handed_over = mails(300, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.faults(latency_ms=100)
        harkara.start_worker()
        harkara.hand_over(handed_over)
        harkara.wait_accepted(30)
        with killed(postgres_server):
            nothing_is_sent_without_the_ledger(harkara)
        for accepted in (80, 130, 180):
            harkara.wait_accepted(accepted)
            with killed(postgres_server):
                pass
        harkara.wait_settled(300)
        harkara.examine(handed_over).assert_kept(uncertain=4 * THREADS)


@ON_POSTGRES
def test_a_commit_whose_answer_is_lost_is_neither_repeated_nor_believed(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """At the claim, before the POST and after it: what was not surely begun is not posted, and an answer is kept."""
    handed_over = mails(150, ("reply", "utility"))
    url = make_url(database_url)
    assert url.port
    with (
        deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara,
        lossy(url.port, nth=5) as line,
    ):
        harkara.hand_over(handed_over)
        harkara.start_worker(HARKARA_DATABASE_URL=url.set(port=line.port).render_as_string(hide_password=False))
        harkara.wait(lambda: line.broken >= 12, "a dozen answers are lost")
        line.mend()
        harkara.wait_settled(150)
        verdict = harkara.examine(handed_over)
        verdict.assert_kept(uncertain=line.broken * THREADS)
        assert {verdict.fates[identity].accepted for identity in verdict.uncertain} <= {0}


@contextmanager
def killed(postgres: PostgresServer) -> Iterator[None]:
    postgres.kill()
    try:
        yield
    finally:
        postgres.start()


@contextmanager
def disk_full(harkara: Deployment) -> Iterator[None]:
    """No file may grow, neither of the workers nor of this process."""
    pids = [os.getpid(), *(process.popen.pid for process in harkara.processes)]
    limits = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids]
    try:
        for pid, (_, most) in zip(pids, limits, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, most))
        yield
    finally:
        for pid, limit in zip(pids, limits, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


@contextmanager
def read_only(harkara: Deployment) -> Iterator[None]:
    """As after a failover to a replica."""
    with harkara.ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
        admin.execute(text("ALTER SYSTEM SET default_transaction_read_only = on"))
        admin.execute(text("SELECT pg_reload_conf()"))
        try:
            yield
        finally:
            admin.execute(text("SET default_transaction_read_only = off"))
            admin.execute(text("ALTER SYSTEM RESET default_transaction_read_only"))
            admin.execute(text("SELECT pg_reload_conf()"))


@pytest.mark.parametrize(
    ("harm", "database_url"), [(disk_full, "sqlite"), (read_only, "postgres")], indirect=["database_url"]
)
def test_a_drain_goes_on_when_the_database_took_no_writes(
    harm: Callable[[Deployment], AbstractContextManager[None]],
    tmp_path: Path,
    redis_server: ValkeyServer,
    database_url: str,
) -> None:
    handed_over = mails(200, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.faults(latency_ms=100)
        harkara.start_worker()
        harkara.hand_over(handed_over)
        harkara.wait_accepted(30)
        with harm(harkara):
            nothing_is_sent_without_the_ledger(harkara, 4)
        harkara.wait_settled(200)
        harkara.examine(handed_over).assert_kept()


def nothing_is_sent_without_the_ledger(harkara: Deployment, seconds: float = AWAY) -> None:
    """For the seconds that the database is away: only what was begun before is still posted, and callers are told."""
    over = time.monotonic() + seconds
    accepted = harkara.sandbox.counts()["accepted"]
    with harkara.direct_client(seconds=1) as client:
        with pytest.raises(Unavailable):
            client.send_many([mail()])
        assert time.monotonic() - over + seconds < 3
    time.sleep(max(0.0, over - time.monotonic()))
    assert harkara.sandbox.counts()["accepted"] <= accepted + THREADS
