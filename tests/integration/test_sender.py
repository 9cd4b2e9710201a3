"""The way of a chunk inside one process: claims, gates, slots, POST to a stand-in, record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from harkara.chatmitra.api import ChatMitra
from harkara.delivery.pool import Pool
from harkara.delivery.sender import Leases, Sender, no_checkpoint
from harkara.errors import Unavailable
from harkara.inbound import fingerprint
from harkara.inbound.events import MessageReceived
from harkara.inbound.words import Words
from harkara.lanes import Lane
from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database, LedgerError
from harkara.ledger.events.inbound_messages import record_received
from harkara.ledger.halts import park
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.messages.queries import get_status
from harkara.ledger.messages.result import ClaimResult
from harkara.ledger.sweep import POISON_CLAIMS, sweep
from harkara.ledger.tables import contact
from harkara.limits import Allowance, Limiter
from harkara.messages import Envelope, Template, Text
from harkara.playbook import Playbook
from harkara.redis_client import connect
from harness.ports import free_port
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until
from tests.integration.ledger.steps import (
    DAY,
    accept_messages,
    age_messages,
    attempts_of,
    dispatch_all,
    marketing,
    otp,
    reply,
    row,
    states_of,
)
from tests.integration.sandbox.process import Sandbox, sandbox_process

CONFIG = Path(__file__).resolve().parents[2] / "config"
PLAYBOOK = CONFIG / "playbook.toml"
WORDS = Words.load(CONFIG / "words.toml")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_process(SANDBOX_LIMIT="none") as running:
        yield running


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with valkey() as running:
        yield running.url


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'harkara.db'}", lock_timeout=0.5)
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def sender(db: Database, sandbox: Sandbox, redis_url: str) -> Iterator[Sender]:
    sandbox.reset()
    with worker(db, sandbox, redis_url) as one:
        yield one


@contextmanager
def worker(
    db: Database,
    sandbox: Sandbox,
    redis_url: str,
    *,
    allowance: Allowance | None = None,
    lane: Lane | None = None,
    leases: Leases | None = None,
    secret: str | None = None,
    checkpoint: Callable[[str], None] = no_checkpoint,
) -> Iterator[Sender]:
    """All that a worker process has."""
    pool, commit = Pool(16), GroupCommit(db, spill, retry_seconds=5)
    with connect(redis_url, seconds=2) as redis:
        yield Sender(
            db,
            commit,
            pool,
            {"default": lane or Lane("default", "token:secret", allowance, webhook_secret=secret)},
            Limiter(redis, lambda lane, mine: []),
            ChatMitra(f"{sandbox.url}/send_message"),
            Playbook.load(PLAYBOOK),
            worker="worker",
            leases=leases or Leases(),
            checkpoint=checkpoint,
        )
        pool.close()
        commit.close()


def spill(_finish: ClaimResult) -> None:
    raise Unavailable("nobody takes it")


def posts(sandbox: Sandbox) -> int:
    return len(sandbox.get("/_sandbox/requests", limit=1_000)["requests"])


def settle(db: Database, senders: Sequence[Sender], ids: Sequence[str], seconds: float = 15) -> Counter[str]:
    """Goes on with what is due, in chunks that the senders share, until nothing moves any more."""
    end = time.monotonic() + seconds
    while not (found := Counter(states_of(db, ids))).keys() <= {"accepted", "cancelled", "failed", "uncertain"}:
        assert time.monotonic() < end, found
        age_messages(db, 2, *ids)
        due = dispatch_all(db)
        with ThreadPoolExecutor(len(senders)) as threads:
            for place, sender in enumerate(senders):
                threads.submit(sender.send, due[place :: len(senders)])
        time.sleep(0.02)
    return found


def test_a_chunk_is_sent_and_recorded(db: Database, sandbox: Sandbox, sender: Sender) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(50)))
    sender.send(ids)
    assert states_of(db, ids) == ["accepted"] * 50
    assert posts(sandbox) == 50
    assert row(db, ids[0])["job_id"]
    assert audit(db).clean


def test_where_webhooks_are_let_in_each_post_leaves_what_an_event_of_it_will_show(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    several = Envelope(to="+919876500002", messages=[Text("One"), Text("Two")])
    wrote(db, 1)
    wrote(db, 2)
    text, code, two = accept_messages(db, reply(1), otp(1), several)
    with worker(db, sandbox, redis_url, secret="a secret") as one:
        one.send([text, code, two])
    shown = {"type": "text", "text": "Your table\nis ready"}
    left = {identity: attempts_of(db, identity)[0]["echo"] for identity in (text, code, two)}
    assert left[text] == fingerprint.keyed("token:secret", "919876500001", fingerprint.of_message(shown))
    assert (left[code] is None, left[two]) == (False, None)


def test_where_no_webhook_is_let_in_nothing_is_left(db: Database, sender: Sender) -> None:
    (identity,) = accept_messages(db, reply())
    sender.send([identity])
    assert attempts_of(db, identity)[0]["echo"] is None


@pytest.mark.parametrize(("secret", "waits"), [("a secret", True), (None, False)])
def test_a_lost_utility_template_waits_for_evidence_where_webhooks_are_let_in(
    db: Database, sandbox: Sandbox, redis_url: str, secret: str | None, waits: bool
) -> None:
    reminder = Template("payment_reminder", body=["Asha"], category="utility")
    (identity,) = accept_messages(db, Envelope(to="+919876500001", messages=[reminder]))
    with worker(db, sandbox, redis_url, secret=secret) as one:
        sandbox.set(reset_after_read_share=1)
        one.send([identity])
        sandbox.reset()
    kept = row(db, identity)
    assert (kept["state"], kept["resend_at"] is not None, kept["on_evidence"]) == ("uncertain", waits, waits)


def test_a_doubled_hint_sends_nothing_twice(db: Database, sandbox: Sandbox, sender: Sender) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(40)))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(sender.send, [ids, ids[::-1], ids[20:], ids]))
    assert states_of(db, ids) == ["accepted"] * 40
    assert posts(sandbox) == 40


def test_three_codes_an_hour_to_one_number_also_when_they_come_in_one_chunk(
    db: Database, sandbox: Sandbox, sender: Sender
) -> None:
    ids = accept_messages(db, *(otp(1) for _ in range(6)), otp(2))
    assert settle(db, [sender], ids) == Counter(accepted=4, cancelled=3)
    assert posts(sandbox) == 4
    assert {row(db, identity)["code"] for identity in ids if row(db, identity)["state"] == "cancelled"} == {"otp-limit"}
    assert states_of(db, ids[-1:]) == ["accepted"]


def test_two_workers_do_not_send_more_codes_to_one_number_than_one(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    sandbox.reset()
    patient = Database(str(db.url), lock_timeout=10)
    with worker(patient, sandbox, redis_url) as one, worker(patient, sandbox, redis_url) as two:
        ids = accept_messages(db, *(otp(1) for _ in range(8)))
        assert settle(patient, [one, two], ids) == Counter(accepted=3, cancelled=5)
    patient.close()
    assert posts(sandbox) == 3


def test_a_code_that_could_not_be_sent_does_not_count(db: Database, redis_url: str, sandbox: Sandbox) -> None:
    sandbox.reset()
    gone = Sandbox(f"http://127.0.0.1:{free_port()}", sandbox.process)
    ids = accept_messages(db, *(otp(1) for _ in range(3)))
    with worker(db, gone, redis_url) as nowhere:
        nowhere.send(ids)
    assert states_of(db, ids) == ["waiting"] * 3
    (fresh,) = accept_messages(db, otp(1))
    with worker(db, sandbox, redis_url) as one:
        one.send([fresh])
    assert states_of(db, [fresh]) == ["accepted"]


def test_a_ledger_that_is_away_before_the_post_means_no_post(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    sandbox.reset()
    (identity,) = accept_messages(db, reply())
    other = Database(str(db.url), lock_timeout=5)
    lock = other.write()

    def checkpoint(name: str) -> None:
        if name == "K1":
            lock.__enter__()

    with worker(db, sandbox, redis_url, checkpoint=checkpoint) as one:
        one.send([identity])
        assert posts(sandbox) == 0
        assert attempts_of(db, identity) == []
        lock.__exit__(None, None, None)
    assert row(db, identity)["state"] == "waiting"
    assert not row(db, identity)["maybe_duplicate"]
    other.close()


def test_who_was_held_up_before_the_post_leaves_it(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    sandbox.reset()
    (identity,) = accept_messages(db, reply())

    def checkpoint(name: str) -> None:
        if name == "K2":
            time.sleep(0.3)

    with worker(db, sandbox, redis_url, leases=Leases(unsent=0.2), checkpoint=checkpoint) as one:
        one.send([identity])
    kept = row(db, identity)
    assert (kept["state"], kept["code"], kept["tries"]) == ("waiting", "late", 0)
    assert posts(sandbox) == 0


def test_a_worker_that_is_only_slow_makes_no_poison(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    sandbox.reset()
    (identity,) = accept_messages(db, reply())
    slow = Leases(claimed=0.2)

    def checkpoint(name: str) -> None:
        if name == "K1":
            time.sleep(0.3)
            sweep(db, Playbook.load(PLAYBOOK).after_crash, retention_seconds=None)

    with worker(db, sandbox, redis_url, leases=slow, checkpoint=checkpoint) as one:
        for _ in range(POISON_CLAIMS + 1):
            one.send([identity])
            wait_until(lambda: row(db, identity)["strikes"] == 0, 5, "the worker says that it lives")
    assert (row(db, identity)["state"], row(db, identity)["claims"]) == ("waiting", POISON_CLAIMS + 1)
    assert posts(sandbox) == 0


def test_a_limiter_that_is_away_makes_all_wait(db: Database, sandbox: Sandbox) -> None:
    sandbox.reset()
    ids = accept_messages(db, reply(1), otp(2))
    with worker(db, sandbox, f"redis://127.0.0.1:{free_port()}", allowance=Allowance(20, 60.0)) as one:
        one.send(ids)
    assert [(row(db, i)["state"], row(db, i)["code"]) for i in ids] == [("waiting", "limiter-unavailable")] * 2
    assert posts(sandbox) == 0


def test_who_gets_no_slot_waits_for_his_time(db: Database, sandbox: Sandbox, redis_server: ValkeyServer) -> None:
    sandbox.reset()
    ids = accept_messages(db, *(marketing(n) for n in range(6)))
    with worker(db, sandbox, redis_server.url, allowance=Allowance(3, 60.0, burst=3, reserve=0.0)) as one:
        one.send(ids)
    assert Counter(states_of(db, ids)) == {"accepted": 3, "waiting": 3}
    assert {row(db, i)["code"] for i in ids} == {None, "lane-limit"}
    assert posts(sandbox) == 3


def test_a_parked_lane_sends_nothing(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    sandbox.reset()
    ids = accept_messages(db, reply(1), otp(2))
    park(db, "default", "A person said so.")
    with worker(db, sandbox, redis_url) as one:
        one.send(ids)
    assert [(row(db, i)["state"], row(db, i)["code"]) for i in ids] == [("waiting", "lane-parked")] * 2
    assert posts(sandbox) == 0


def test_a_worker_that_cannot_prepare_gives_all_back(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    sandbox.reset()
    ids = accept_messages(db, reply(1), otp(2))

    def checkpoint(name: str) -> None:
        if name == "K1":
            with db.write() as tx:
                tx.execute(text("ALTER TABLE halt RENAME TO elsewhere"))

    with worker(db, sandbox, redis_url, checkpoint=checkpoint) as one, pytest.raises(LedgerError, match="schema"):
        one.send(ids)
    assert [(row(db, i)["state"], row(db, i)["strikes"]) for i in ids] == [("waiting", 0)] * 2
    assert posts(sandbox) == 0


HEARD = Lane("default", "token:secret", None, webhook_secret="of the webhooks")
"""Of this account we hear who writes."""

FALLBACK = Template("table_ready", body=["Asha"])


def wrote(db: Database, n: int = 0, *, ago: float = 0.0, text: str = "Hello") -> None:
    """The person number `n` writes, so many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    with db.write() as tx:
        received = MessageReceived(identity="1", sender=f"9198765{n:05d}", kind="text", at=at, text=text)
        record_received(tx, "default", received, WORDS)


def bodies(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [request["body"] for request in sandbox.get("/_sandbox/requests", limit=1_000)["requests"]]


def test_in_a_lane_with_webhooks_only_who_wrote_gets_what_is_no_template(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    sandbox.reset()
    wrote(db, 1)
    wrote(db, 2, ago=DAY)
    ids = accept_messages(db, reply(1), reply(2), reply(3), otp(3))
    with worker(db, sandbox, redis_url, lane=HEARD) as one:
        one.send(ids)
    assert states_of(db, ids) == ["accepted", "failed", "failed", "accepted"]
    assert {row(db, identity)["code"] for identity in ids[1:3]} == {"window-closed"}
    assert posts(sandbox) == 2
    assert "window open for 24.0 h" in attempts_of(db, ids[0])[0]["gates"]
    assert attempts_of(db, ids[1]) == []
    assert audit(db).clean


def test_a_window_that_closes_while_a_message_waits_makes_its_template_go(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    sandbox.reset()
    wrote(db, 1, ago=DAY - 60)
    (identity,) = accept_messages(db, reply(1, fallback=FALLBACK, customer_name="Asha"))
    with db.write() as tx:
        tx.execute(update(contact).values(wrote_at=datetime.now(UTC) - timedelta(seconds=DAY - 29)))
    with worker(db, sandbox, redis_url, lane=HEARD) as one:
        assert settle(db, [one], [identity]) == Counter(accepted=1)
    (sent,) = bodies(sandbox)
    assert sent["messages"] == [FALLBACK.wire()]
    assert sent["customer_name"] == "Asha"
    kept = row(db, identity)
    assert (kept["kind"], kept["template"], kept["category"], kept["priority"]) == (
        "template",
        "table_ready",
        "utility",
        1,
    )
    assert (kept["replaced"], kept["fallback"], kept["tries"]) == (True, None, 1)
    assert get_status(db, identity)["flags"] == ["fallback"]
    assert [line["event"] for line in get_status(db, identity)["trace"]].count("waiting") == 1
    assert audit(db).clean


def test_the_template_of_the_lane_goes_for_what_has_no_fallback(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    sandbox.reset()
    ids = accept_messages(db, reply(1), reply(2, fallback=FALLBACK))
    with worker(db, sandbox, redis_url, lane=replace(HEARD, reengage="write_to_us")) as one:
        assert settle(db, [one], ids) == Counter(accepted=2)
    assert {row(db, identity)["template"] for identity in ids} == {"write_to_us", "table_ready"}
    assert posts(sandbox) == 2


def test_a_refusal_for_the_window_spends_one_attempt_and_then_the_fallback_goes(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    """Without webhooks nobody knows before."""
    sandbox.reset()
    sandbox.set(code_next={"code": 131047, "message": "Re-engagement message", "count": 2})
    ids = accept_messages(db, reply(1, fallback=FALLBACK), reply(2))
    with worker(db, sandbox, redis_url) as one:
        assert settle(db, [one], ids) == Counter(accepted=1, failed=1)
    kept = row(db, ids[0])
    assert (kept["state"], kept["replaced"], kept["tries"]) == ("accepted", True, 2)
    assert [attempt["outcome"] for attempt in attempts_of(db, ids[0])] == ["replaced", "accepted"]
    assert audit(db).clean


def test_a_template_that_is_refused_for_the_window_itself_fails_and_is_not_tried_until_its_deadline(
    db: Database, sandbox: Sandbox, redis_url: str
) -> None:
    """A fallback that took its message's place has the lane's own template behind it, and that one has itself."""
    sandbox.reset()
    sandbox.set(code_next={"code": 131047, "message": "Re-engagement message", "count": 20})
    ids = accept_messages(db, reply(1, fallback=FALLBACK), reply(2), otp(3))
    with worker(db, sandbox, redis_url, lane=replace(HEARD, webhook_secret=None, reengage="write_to_us")) as one:
        assert settle(db, [one], ids) == Counter(failed=3)
    assert [len(attempts_of(db, identity)) for identity in ids] == [2, 2, 1]
    assert {row(db, identity)["code"] for identity in ids} == {"window-closed"}


def test_stop_between_acceptance_and_sending_is_not_sent(db: Database, sandbox: Sandbox, redis_url: str) -> None:
    sandbox.reset()
    ids = accept_messages(db, reply(1), marketing(2), reply(3))

    def checkpoint(name: str) -> None:
        if name == "K1":
            wrote(db, 2, text="stop offers")
            wrote(db, 3, text="STOP")

    wrote(db, 1, text="STOP")
    with worker(db, sandbox, redis_url, checkpoint=checkpoint) as one:
        one.send(ids)
    assert states_of(db, ids) == ["cancelled"] * 3
    assert posts(sandbox) == 0
