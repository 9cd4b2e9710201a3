"""The database is locked, stopped, read-only or full, or its replies are lost: without the ledger nothing is sent."""

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
from tests.acceptance.lossy_proxy import lossy_proxy
from tests.acceptance.messages import new_message, new_messages

THREADS = 8
OUTAGE = 10.0
"""Seconds."""

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@ON_SQLITE
def test_a_writer_suspended_in_its_transaction_delays_the_others_only(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """SQLite is locked for ten seconds, within a transaction that records outcomes."""
    envelopes = new_messages(200, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.set_faults(latency_ms=100)
        suspended = harkara.start_worker(HARKARA_KILL_AT="K4b@5~")
        harkara.start_worker()
        harkara.accept(envelopes)
        harkara.wait_until(lambda: suspended.suspended, "a worker is suspended in its transaction")
        assert_nothing_is_sent(harkara)
        suspended.resume()
        harkara.wait_settled(200)
        harkara.examine(envelopes).assert_kept()


@ON_POSTGRES
def test_sending_continues_after_the_database_was_killed(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str, postgres_server: PostgresServer
) -> None:
    """An outage of ten seconds, then three short ones."""
    envelopes = new_messages(300, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.set_faults(latency_ms=100)
        harkara.start_worker()
        harkara.accept(envelopes)
        harkara.wait_accepted(30)
        with killed(postgres_server):
            assert_nothing_is_sent(harkara)
        for accepted in (80, 130, 180):
            harkara.wait_accepted(accepted)
            with killed(postgres_server):
                pass
        harkara.wait_settled(300)
        harkara.examine(envelopes).assert_kept(uncertain=4 * THREADS)


@ON_POSTGRES
def test_a_commit_whose_reply_is_lost_causes_no_duplicate_and_no_loss(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """At the claim, before the POST and after it: no POST without a confirmed `sending`, no lost outcome."""
    envelopes = new_messages(150, ("reply", "utility"))
    url = make_url(database_url)
    assert url.port
    with (
        deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara,
        lossy_proxy(url.port, nth=5) as proxy,
    ):
        harkara.accept(envelopes)
        harkara.start_worker(HARKARA_DATABASE_URL=url.set(port=proxy.port).render_as_string(hide_password=False))
        harkara.wait_until(lambda: proxy.lost >= 12, "a dozen replies are lost")
        proxy.stop_losing()
        harkara.wait_settled(150)
        verdict = harkara.examine(envelopes)
        verdict.assert_kept(uncertain=proxy.lost * THREADS)
        assert {verdict.results[identity].accepted for identity in verdict.uncertain} <= {0}


@contextmanager
def killed(postgres: PostgresServer) -> Iterator[None]:
    postgres.kill()
    try:
        yield
    finally:
        postgres.start()


@contextmanager
def disk_full(harkara: Deployment) -> Iterator[None]:
    """Limit the file size of all processes and of this one, so that no file can grow."""
    pids = [os.getpid(), *(process.popen.pid for process in harkara.processes)]
    limits = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids]
    try:
        for pid, (_, hard) in zip(pids, limits, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
        yield
    finally:
        for pid, limit in zip(pids, limits, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


@contextmanager
def read_only(harkara: Deployment) -> Iterator[None]:
    """Refuse writes, as a replica does after a failover."""
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
    ("fault", "database_url"), [(disk_full, "sqlite"), (read_only, "postgres")], indirect=["database_url"]
)
def test_sending_continues_after_the_database_refused_writes(
    fault: Callable[[Deployment], AbstractContextManager[None]],
    tmp_path: Path,
    redis_server: ValkeyServer,
    database_url: str,
) -> None:
    envelopes = new_messages(200, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.set_faults(latency_ms=100)
        harkara.start_worker()
        harkara.accept(envelopes)
        harkara.wait_accepted(30)
        with fault(harkara):
            assert_nothing_is_sent(harkara, 4)
        harkara.wait_settled(200)
        harkara.examine(envelopes).assert_kept()


def assert_nothing_is_sent(harkara: Deployment, seconds: float = OUTAGE) -> None:
    """During the outage only messages in `sending` are still posted, and clients get Unavailable within 3 s."""
    end = time.monotonic() + seconds
    accepted = harkara.sandbox.counts()["accepted"]
    with harkara.direct_client(seconds=1) as client:
        with pytest.raises(Unavailable):
            client.send_many([new_message()])
        assert time.monotonic() - end + seconds < 3
    time.sleep(max(0.0, end - time.monotonic()))
    assert harkara.sandbox.counts()["accepted"] <= accepted + THREADS
