"""The database is locked, stopped, read-only or full, or its replies are lost: without the ledger nothing is sent."""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from harkara import Client, Envelope, Unavailable
from harkara.ledger.conditions import ARRIVED
from harkara.ledger.tables import attempt
from harness.postgres import PostgresServer
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.lossy_proxy import COMMIT, lossy_proxy
from tests.acceptance.messages import new_message, new_messages
from tests.acceptance.promises import Verdict

THREADS = 8
OUTAGE = 8.0
"""Seconds, more than a process waits for a lock and than a claim lasts."""

COMMITTING = ("INSERT INTO message", "SET state = 'claimed'", "WITH held AS", "WITH given AS")
"""Words of the statements that commit by themselves: accept, claim, begin, and record with begin."""

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@ON_SQLITE
def test_a_writer_suspended_in_its_transaction_delays_the_others_only(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """SQLite is locked for longer than any process waits for it, within a transaction that records outcomes."""
    envelopes = new_messages(100, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.set_faults(latency_ms=100)
        # A commit has an outcome of each thread at most, so one of the two commits outcomes five times.
        workers = harkara.start_workers(2, HARKARA_KILL_AT="K4b@5~")
        harkara.accept(envelopes)
        harkara.wait_until(
            lambda: any(worker.suspended for worker in workers), "a worker is suspended in its transaction"
        )
        assert_nothing_is_sent(harkara)

        def is_settled() -> bool:
            for worker in workers:  # the other one may be suspended after it
                worker.resume()
            return harkara.is_settled(len(envelopes))

        harkara.wait_until(is_settled, "all settle")
        harkara.examine(envelopes).assert_kept()


@ON_POSTGRES
def test_sending_continues_after_the_database_was_killed(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str, postgres_server: PostgresServer
) -> None:
    """A long outage, then three short ones."""
    envelopes = new_messages(200, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.set_faults(latency_ms=100)
        harkara.start_worker()
        harkara.accept(envelopes)
        harkara.wait_accepted(30)
        with killed(postgres_server):
            assert_nothing_is_sent(harkara)
        for accepted in (60, 90, 120):
            harkara.wait_accepted(accepted)
            with killed(postgres_server):
                pass
        harkara.wait_settled(200)
        harkara.examine(envelopes).assert_kept(uncertain=4 * THREADS)


@ON_POSTGRES
def test_a_commit_whose_reply_is_lost_causes_no_duplicate_and_no_loss(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """At the hand-over, at the claim, before the POST and after it: no POST without a confirmed `sending`."""
    envelopes = new_messages(150, ("reply", "utility"))
    with (
        deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara,
        lossy_proxy(make_url(database_url), loses_reply) as (proxy, lossy_url),
    ):
        with harkara.client(database_url=lossy_url, seconds=20) as client:
            accept_in_spite_of_lost_replies(client, envelopes)
        harkara.start_worker(HARKARA_DATABASE_URL=lossy_url)
        harkara.wait_until(
            lambda: proxy.lost() >= 12 and all(map(proxy.lost, COMMITTING)), "replies to each statement are lost"
        )
        proxy.stop_losing()
        harkara.wait_settled(150)
        verdict = harkara.examine(envelopes)
        verdict.assert_kept()
        assert_all_posts_have_attempts(harkara, verdict)


def loses_reply(statement: str, nth: int) -> bool:
    """Often for transactions. A statement of its own twice: a message that was claimed five times would be poison."""
    return nth % 5 == 0 if statement == COMMIT else nth in (1, 3)


def accept_in_spite_of_lost_replies(client: Client, envelopes: Sequence[Envelope]) -> None:
    """Repeat the call as an application does."""
    while True:
        with suppress(Unavailable):
            answers = client.send_many(envelopes)
            break
    assert [answer for answer in answers if isinstance(answer, Exception)] == []


def assert_all_posts_have_attempts(harkara: Deployment, verdict: Verdict) -> None:
    with harkara.ledger.read() as tx:
        attempts = Counter(tx.execute(select(attempt.c.message_id).where(ARRIVED)).scalars())
    assert {identity for identity, found in verdict.results.items() if found.accepted > attempts[identity]} == set()


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
    envelopes = new_messages(120, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.set_faults(latency_ms=200)
        harkara.start_worker()
        harkara.accept(envelopes)
        harkara.wait_accepted(20)
        with fault(harkara):
            assert_nothing_is_sent(harkara, 4)
        harkara.wait_settled(120)
        harkara.examine(envelopes).assert_kept()


def assert_nothing_is_sent(harkara: Deployment, seconds: float = OUTAGE) -> None:
    """During the outage only messages in `sending` are still posted, and clients get Unavailable."""
    end = time.monotonic() + seconds
    accepted = harkara.sandbox.counts()["accepted"]
    with harkara.direct_client(seconds=1) as client:
        with pytest.raises(Unavailable):
            client.send_many([new_message()])
    time.sleep(max(0.0, end - time.monotonic()))
    assert harkara.sandbox.counts()["accepted"] <= accepted + THREADS
