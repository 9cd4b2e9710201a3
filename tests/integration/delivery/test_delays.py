"""What a sender does without the ledger, Redis, a slot or enough time: it sends nothing and loses nothing."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from sqlalchemy import text

from harkara.delivery.lease_times import Leases
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LedgerError
from harkara.ledger.halts import park
from harkara.ledger.sweep import POISON_CLAIMS, sweep
from harkara.limits import Allowance
from harness.ports import free_port
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.integration.delivery.running import PLAYBOOK, posts, running_sender
from tests.integration.ledger.steps import (
    accept_messages,
    attempts_of,
    marketing,
    otp,
    reply,
    row,
    states_of,
)
from tests.integration.sandbox.process import Sandbox


def test_without_the_ledger_there_is_no_post(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    (identity,) = accept_messages(db, reply())
    other = Database(str(db.url), lock_timeout=5)
    lock = other.write()

    def checkpoint(name: str) -> None:
        if name == "K1":
            lock.__enter__()

    with running_sender(db, sandbox, redis_url, checkpoint=checkpoint) as sender:
        sender.send([identity])
        assert posts(sandbox) == 0
        assert attempts_of(db, identity) == []
        lock.__exit__(None, None, None)
    assert row(db, identity)["state"] == "waiting"
    assert not row(db, identity)["maybe_duplicate"]
    other.close()


def test_a_thread_that_is_delayed_before_the_post_gives_the_message_up(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    (identity,) = accept_messages(db, reply())

    def checkpoint(name: str) -> None:
        if name == "K2":
            time.sleep(0.3)

    with running_sender(db, sandbox, redis_url, leases=Leases(unsent=0.2), checkpoint=checkpoint) as sender:
        sender.send([identity])
    stored = row(db, identity)
    assert (stored["state"], stored["code"], stored["tries"]) == ("waiting", "late", 0)
    assert posts(sandbox) == 0


def test_a_slow_worker_makes_no_poison(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    (identity,) = accept_messages(db, reply())
    slow = Leases(claimed=0.2)

    def checkpoint(name: str) -> None:
        if name == "K1":
            time.sleep(0.3)
            sweep(db, PLAYBOOK.after_crash)

    with running_sender(db, sandbox, redis_url, leases=slow, checkpoint=checkpoint) as sender:
        for _ in range(POISON_CLAIMS + 1):
            sender.send([identity])
            wait_until(lambda: row(db, identity)["strikes"] == 0, 60, "the claims no longer count")
    assert (row(db, identity)["state"], row(db, identity)["claims"]) == ("waiting", POISON_CLAIMS + 1)
    assert posts(sandbox) == 0


def test_without_redis_every_message_waits(db: Database, sandbox: Sandbox) -> None:
    ids = accept_messages(db, reply(1), otp(2))
    with running_sender(db, sandbox, f"redis://127.0.0.1:{free_port()}", allowance=Allowance(20, 60.0)) as sender:
        sender.send(ids)
    assert [(row(db, i)["state"], row(db, i)["code"]) for i in ids] == [("waiting", "limiter-unavailable")] * 2
    assert posts(sandbox) == 0


def test_a_message_without_a_slot_waits(db: Database, sandbox: Sandbox, redis_server: ValkeyServer) -> None:
    ids = accept_messages(db, *(marketing(n) for n in range(6)))
    with running_sender(db, sandbox, redis_server.url, allowance=Allowance(3, 60.0, burst=3, reserve=0.0)) as sender:
        sender.send(ids)
    assert Counter(states_of(db, ids)) == {"accepted": 3, "waiting": 3}
    assert {row(db, i)["code"] for i in ids} == {None, "lane-limit"}
    assert posts(sandbox) == 3


def test_a_parked_lane_sends_nothing(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    ids = accept_messages(db, reply(1), otp(2))
    park(db, "default", "Parked by an operator.")
    with running_sender(db, sandbox, redis_url) as sender:
        sender.send(ids)
    assert [(row(db, i)["state"], row(db, i)["code"]) for i in ids] == [("waiting", "lane-parked")] * 2
    assert posts(sandbox) == 0


def test_a_worker_that_cannot_load_the_gates_returns_its_messages(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    ids = accept_messages(db, reply(1), otp(2))

    def checkpoint(name: str) -> None:
        if name == "K1":
            with db.write() as tx:
                tx.execute(text("ALTER TABLE halt RENAME TO elsewhere"))

    with (
        running_sender(db, sandbox, redis_url, checkpoint=checkpoint) as sender,
        pytest.raises(LedgerError, match="schema"),
    ):
        sender.send(ids)
    assert [(row(db, i)["state"], row(db, i)["strikes"]) for i in ids] == [("waiting", 0)] * 2
    assert posts(sandbox) == 0
