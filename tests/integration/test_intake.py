"""The intake: what producers append to Redis reaches the ledger whole and once, whichever process dies."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from structlog.testing import capture_logs

from harkara.errors import OtherDeployment, Unavailable
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.producer import GROUP, STREAM
from harkara.intake.stream import Intake
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import find_id
from harkara.ledger.messages.search import list_messages
from harkara.messages import Envelope, Text
from harkara.redis_client import connect
from harkara.redis_identity import LEDGER
from harkara.shared_defaults import DEADLINES
from harness.ledger import open_ledger
from harness.valkey import valkey
from harness.waiting import wait_until
from tests.integration.ledger.occasions import PLAN
from tests.integration.ledger.steps import otp, reply, row


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}", lock_timeout=0.5) as database:
        yield database


def consumer(
    redis_client: redis.Redis, db: Database, reader: str = "reader", *, abandoned_seconds: float = 10.0
) -> IntakeConsumer:
    intake = Intake(redis_client, reader, abandoned_seconds=abandoned_seconds)
    return IntakeConsumer(intake, db, lambda hints: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10)


def append(redis_client: redis.Redis, *envelopes: Envelope) -> bool:
    return Intake(redis_client).append("send", [envelope.to_json() for envelope in envelopes])


def test_a_drained_message_is_in_the_ledger_and_no_longer_in_redis(redis_client: redis.Redis, db: Database) -> None:
    envelopes = [reply(n, reference=f"r{n}", producer="shop") for n in range(5)]
    append(redis_client, *envelopes)
    assert consumer(redis_client, db).drain() == 5
    assert [row(db, e.id)["body"] for e in envelopes] == [e.body_json() for e in envelopes]
    assert (redis_client.xlen(STREAM), redis_client.xpending(STREAM, GROUP)["pending"]) == (0, 0)
    assert consumer(redis_client, db).drain() == 0


def test_drain_reads_until_the_intake_is_empty(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, *(reply(n % 100) for n in range(1_050)))
    assert consumer(redis_client, db).drain() == 1_050


def test_only_the_first_append_needs_a_wake_up_until_the_intake_is_read(
    redis_client: redis.Redis, db: Database
) -> None:
    assert [append(redis_client, reply(n)) for n in range(3)] == [True, False, False]
    consumer(redis_client, db).drain()
    assert append(redis_client, reply(4))


def test_a_listening_reader_reads_an_entry_when_it_is_appended(redis_client: redis.Redis, db: Database) -> None:
    """It leaves the key by which producers know that no wake-up is needed."""
    reader = consumer(redis_client, db)
    reader.drain()
    with ThreadPoolExecutor(1) as threads:
        listening = threads.submit(reader.listen, 1.5)
        wait_until(lambda: any(each["cmd"] == "xreadgroup" for each in blocked(redis_client)), 60, "a reader waits")
        assert [append(redis_client, reply(n)) for n in range(2)] == [True, False]
        assert listening.result() == 1
    assert reader.listen(0.1) == 1
    assert reader.listen(0.1) == 0
    assert append(redis_client, reply(2)) is False
    assert audit(db).messages == 2


WAIT_SECONDS = 0.5
"""More than Redis takes to answer on a busy machine."""


def test_a_listening_reader_knows_when_an_entry_was_appended(redis_client: redis.Redis) -> None:
    intake = Intake(redis_client, "reader")
    intake.read()
    with ThreadPoolExecutor(1) as threads:
        listening = threads.submit(intake.read, wait_seconds=10.0)
        wait_until(lambda: bool(blocked(redis_client)), 60, "a reader waits")
        waits = time.monotonic()
        wait_until(lambda: time.monotonic() > waits + WAIT_SECONDS, 60, "the wait counts")
        append(redis_client, reply())
        (entry,) = listening.result()
    assert entry.appended_at
    # An entry counts as older by what Redis took to answer TIME, but not as from before the wait.
    assert waits < entry.appended_at <= time.monotonic()


def test_a_listening_reader_applies_nothing_of_a_redis_that_became_anothers(redis_client: redis.Redis) -> None:
    intake = Intake(redis_client, "reader", ledger=lambda: "ours")
    intake.read()
    with ThreadPoolExecutor(1) as threads:
        listening = threads.submit(intake.read, wait_seconds=1.5)
        wait_until(lambda: bool(blocked(redis_client)), 60, "a reader waits")
        redis_client.set(LEDGER, "theirs")
        append(redis_client, reply())
        with pytest.raises(OtherDeployment):
            listening.result()
    redis_client.delete(LEDGER)
    assert redis_client.xpending(STREAM, GROUP)["pending"] == 1, "the readers of the other ledger take it over"


def blocked(redis_client: redis.Redis) -> list[dict[str, str]]:
    """Return the clients that wait for something to arrive."""
    clients: list[dict[str, str]] = redis_client.client_list()
    return [each for each in clients if "b" in each["flags"]]


def test_a_due_message_is_hinted_after_its_commit(redis_client: redis.Redis, db: Database) -> None:
    hinted: list[str] = []

    def hint(hints: list[tuple[str, int]]) -> None:
        assert all(row(db, identity)["state"] == "queued" for identity, _ in hints)
        hinted.extend(identity for identity, _ in hints)

    append(redis_client, envelope := otp())
    IntakeConsumer(Intake(redis_client, "reader"), db, hint, plan=PLAN, deadlines=DEADLINES, queued_seconds=10).drain()
    assert hinted == [envelope.id]


def test_another_reader_takes_over_the_entries_of_a_dead_one(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, envelope := reply())
    assert len(Intake(redis_client, "dead").read()) == 1
    assert consumer(redis_client, db, "next").drain() == 0, "the first reader may still be alive"
    time.sleep(0.06)
    assert consumer(redis_client, db, "next", abandoned_seconds=0.05).drain() == 1
    assert row(db, envelope.id)["state"] == "queued"
    assert redis_client.xpending(STREAM, GROUP)["pending"] == 0


def test_a_reader_that_dies_between_commit_and_acknowledgement_leaves_one_message(
    redis_client: redis.Redis, db: Database
) -> None:
    append(redis_client, envelope := reply(reference="r"))
    first = consumer(redis_client, db, "dead")
    first.accept([envelope])
    Intake(redis_client, "dead").read()
    time.sleep(0.02)
    assert consumer(redis_client, db, "next", abandoned_seconds=0.01).drain() == 1
    assert [one["id"] for one in list_messages(db)] == [envelope.id]


def test_no_entry_is_lost_while_the_database_is_unavailable(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, reply())
    other = Database(str(db.url), lock_timeout=5)
    with other.write(), pytest.raises(Unavailable):
        consumer(redis_client, db).drain()
    other.close()
    assert redis_client.xlen(STREAM) == 1
    time.sleep(0.02)
    assert consumer(redis_client, db, abandoned_seconds=0.01).drain() == 1


def test_many_readers_commit_each_message_once(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, *(reply(n % 100, reference=f"r{n}") for n in range(1_200)))
    patient = Database(str(db.url), lock_timeout=20)

    def drain(reader: int) -> int:
        with connect(f"redis://127.0.0.1:{redis_client.connection_pool.connection_kwargs['port']}", seconds=30) as own:
            return consumer(own, patient, str(reader)).drain()

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(drain, range(4))) == 1_200
    patient.close()
    assert audit(db).messages == 1_200


def test_a_repeated_message_is_found_by_either_id(redis_client: redis.Redis, db: Database) -> None:
    first, again = reply(reference="r"), reply(reference="r")
    append(redis_client, first, again)
    consumer(redis_client, db).drain()
    assert find_id(db, again.id) == find_id(db, first.id) == first.id


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_a_conflict_is_stored_as_a_failed_message(redis_client: redis.Redis, db: Database, in_one_batch: bool) -> None:
    first = reply(reference="r")
    other = Envelope(to="+919876500000", messages=[Text("Something else")], reference="r")
    for batch in [[first, other]] if in_one_batch else [[first], [other]]:
        append(redis_client, *batch)
        consumer(redis_client, db).drain()
    assert (row(db, first.id)["state"], row(db, other.id)["state"]) == ("queued", "failed")
    assert row(db, other.id)["code"] == "reference-conflict"
    assert redis_client.xlen(STREAM) == 0


def test_an_expired_message_is_stored_with_its_deadline(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, envelope := reply(expires=datetime.now(UTC) + timedelta(seconds=0.05)))
    time.sleep(0.06)
    assert consumer(redis_client, db).drain() == 1
    assert row(db, envelope.id)["expires_at"] < row(db, envelope.id)["created_at"]


SECRET = "the patient's secret 9876512345"


@pytest.mark.parametrize(
    "data",
    [
        SECRET,
        json.dumps({"to": SECRET}),
        json.dumps([SECRET]),
        reply().to_json().replace("ready", SECRET + "\\u0000"),
        reply().to_json()[:-9] + SECRET,
        "[" * 100_000 + SECRET,
        b"\xff\xfe" + SECRET.encode(),
        "",
    ],
    ids=["text", "object", "list", "zero", "cut off", "deep", "bytes", "empty"],
)
def test_an_invalid_entry_is_rejected_without_logging_its_content(
    redis_client: redis.Redis, db: Database, data: str | bytes
) -> None:
    rejected: list[None] = []
    redis_client.xadd(STREAM, {"verb": "send", "data": data})
    append(redis_client, envelope := reply())
    reader = IntakeConsumer(
        Intake(redis_client, "reader"),
        db,
        lambda hints: None,
        plan=PLAN,
        deadlines=DEADLINES,
        queued_seconds=10,
        rejected=lambda: rejected.append(None),
    )
    with capture_logs() as lines:
        assert reader.drain() == 1
    assert row(db, envelope.id)["state"] == "queued"
    assert (len(rejected), redis_client.xlen(STREAM)) == (1, 0)
    assert [line["action"] for line in lines] == ["intake_rejected"]
    assert "secret" not in str(lines)
    assert "9876512345" not in str(lines)


@pytest.mark.parametrize("fields", [{"other": "1"}, {"verb": "unknown", "data": "x", "reply_to": "here"}])
def test_an_unknown_verb_is_answered_or_dropped(
    redis_client: redis.Redis, db: Database, fields: dict[str, str]
) -> None:
    redis_client.xadd(STREAM, fields)  # type: ignore[arg-type]  # narrower than what it takes
    consumer(redis_client, db).drain()
    assert redis_client.xlen(STREAM) == 0
    if "reply_to" in fields:
        assert "not known to this release" in str(redis_client.lrange("here", 0, -1))


def test_the_intake_is_read_again_after_redis_lost_its_data(redis_client: redis.Redis, db: Database) -> None:
    reader = consumer(redis_client, db)
    append(redis_client, reply(1))
    assert reader.drain() == 1
    redis_client.flushall()
    append(redis_client, reply(2))
    assert reader.drain() == 1


@pytest.mark.parametrize("known", [True, False], ids=["read before", "never read"])
def test_a_full_redis_is_drained_and_so_are_requests_with_answers(db: Database, known: bool) -> None:
    with valkey(maxmemory="3mb", maxmemory_policy="noeviction") as full, connect(full.url, seconds=30) as client:
        if known:
            assert consumer(client, db).drain() == 0
        sent = fill(client)
        assert consumer(client, db).drain() == audit(db).messages == sent
        assert client.xlen(STREAM) == 0


def fill(client: redis.Redis) -> int:
    """Append until Redis is full; return the number of messages."""
    for sent in range(0, 1_000_000, 20):
        try:
            Intake(client).append("status", [reply().id], reply_to="a-producer")
            append(client, *(reply(n, messages=[Text("x" * 2000)]) for n in range(20)))
        except Unavailable:
            return sent
    raise AssertionError("Redis never became full")


def test_an_error_of_redis_does_not_quote_the_message(redis_client: redis.Redis) -> None:
    redis_client.set(STREAM, "this is no stream")
    with pytest.raises(Unavailable) as caught:
        append(redis_client, reply(7))
    shown = "".join(traceback.format_exception(caught.value))
    assert "WRONGTYPE" not in shown
    assert "9876500007" not in shown
    assert "table is ready" not in shown
