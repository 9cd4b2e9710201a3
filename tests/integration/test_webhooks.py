"""The door for webhooks and the folding behind it: what is genuine is kept, whatever is away, and folded once."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from config import metrics
from harkara.chatmitra.signature import sign
from harkara.errors import NotFound, Unavailable
from harkara.intake.stream import GROUP, WEBHOOKS, Intake
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.outcomes import Accepted, Uncertain
from harkara.redis_client import connect
from harkara.webhooks.process import EventProcessor
from harkara.webhooks.receive import WebhookReceiver
from harness.ledger import open_ledger
from harness.valkey import ValkeyServer
from tests.integration.ledger.hooks import (
    CONTEXT,
    age_events,
    deliver_webhooks,
    inbound_webhook,
    post_message,
    send_message,
    state_of,
    status_webhook,
    stored_events,
)
from tests.integration.ledger.steps import record_outcome, reply, update_message
from tests.integration.test_occasions import run

NOWHERE = "postgresql://harkara@127.0.0.1:1/harkara"


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    with open_ledger(database_url, connections=10) as database:
        yield database


@pytest.fixture
def away() -> Iterator[Database]:
    """A database that nobody reaches."""
    database = Database(NOWHERE, lock_timeout=1)
    yield database
    database.close()


class Backend:
    """A door, and all that it says."""

    def __init__(self, db: Database, redis_client: redis.Redis, **options: Any) -> None:
        self.came: list[tuple[str, str]] = []
        self.names: list[str] = []
        self.rung = Event()
        self.door = WebhookReceiver(
            db,
            {**CONTEXT.lanes, "deaf": Lane("deaf", "t", None), "blank": Lane("blank", "t", None, webhook_secret=" ")},
            Intake(redis_client, stream=WEBHOOKS),
            options.get("ring", self.rung.set),
            on_received=lambda lane, outcome: self.came.append((lane, outcome)),
            on_unknown=self.names.append,
        )

    def hear(self, raw: bytes, lane: str = "default", signature: str | None = None) -> bool:
        secret = CONTEXT.lanes[lane].webhook_secret if lane in CONTEXT.lanes else ""
        return self.door.receive(lane, raw, sign(raw, secret or "") if signature is None else signature)


def folding(db: Database, redis_client: redis.Redis, reader: str = "reader", **options: Any) -> EventProcessor:
    mailbox = Intake(redis_client, reader, stream=WEBHOOKS, abandoned_seconds=0.05)
    return EventProcessor(db, mailbox, CONTEXT, holder=reader, **{"silence_seconds": 900} | options)


def test_a_genuine_webhook_is_in_the_ledger_when_it_is_answered_and_folded_later(
    db: Database, redis_client: redis.Redis
) -> None:
    identity = send_message(db, reply())
    door = Backend(db, redis_client)
    assert door.hear(status_webhook(db, "delivered"))
    assert [one["state"] for one in stored_events(db)] == ["new"]
    assert door.rung.wait(2)
    done: list[Counter[str]] = []
    assert folding(db, redis_client, on_processed=done.append).process() == Counter(folded=1) == done[0]
    assert state_of(db, identity) == "delivered"
    assert door.came == [("default", "stored")]


@pytest.mark.parametrize(
    ("lane", "signature"),
    [
        ("default", ""),
        ("default", "0" * 64),
        ("default", "sha256="),
        ("default", "ключ"),
        ("north", sign(b"{}", "secret")),
        ("deaf", sign(b"{}", "")),
        ("blank", sign(b"{}", " ")),
    ],
    ids=["empty", "wrong", "half", "foreign", "another lane's", "no secret", "blank secret"],
)
def test_what_is_not_signed_by_the_lanes_own_secret_is_not_let_in(
    db: Database, redis_client: redis.Redis, lane: str, signature: str
) -> None:
    door = Backend(db, redis_client)
    assert door.hear(b"{}", lane, signature) is False
    assert (stored_events(db), redis_client.xlen(WEBHOOKS), door.came) == ([], 0, [(lane, "refused")])
    assert not door.rung.is_set()


def test_a_missing_a_truncated_and_a_signature_of_other_bytes_are_refused(
    db: Database, redis_client: redis.Redis
) -> None:
    door, raw = Backend(db, redis_client), status_webhook(db, "sent")
    genuine = sign(raw, "secret")
    assert door.door.receive("default", raw, None) is False
    assert door.hear(raw, signature=genuine[:-1]) is False
    assert door.hear(raw[:-1], signature=genuine) is False
    assert door.hear(raw.replace(b"sent", b"read"), signature=genuine) is False
    assert stored_events(db) == []


def test_a_replay_is_genuine_and_changes_nothing(db: Database, redis_client: redis.Redis) -> None:
    identity = send_message(db, reply())
    door, raw = Backend(db, redis_client), status_webhook(db, "sent")
    for _ in range(3):
        assert door.hear(raw)
        folding(db, redis_client).process()
    assert (len(stored_events(db)), state_of(db, identity)) == (1, "sent")
    assert door.came == [("default", "stored"), ("default", "repeated"), ("default", "repeated")]


def test_a_lane_that_is_not_there_is_not_found(db: Database, redis_client: redis.Redis) -> None:
    with pytest.raises(NotFound):
        Backend(db, redis_client).door.receive("nowhere", b"{}", sign(b"{}", "secret"))


def test_the_same_webhook_many_times_at_once_is_one_event(db: Database, redis_client: redis.Redis) -> None:
    door, raw = Backend(db, redis_client), status_webhook(db, "sent")
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: door.hear(raw), range(24)))
    assert len(stored_events(db)) == 1
    assert Counter(outcome for _, outcome in door.came) == Counter(stored=1, repeated=23)


@pytest.mark.parametrize("raw", [b"", b"\xff\x00\xfe", b"[]", b"null", b'{"event":"\\u0000"}', b"[" * 50_000])
def test_whatever_is_signed_is_kept_and_counted(db: Database, redis_client: redis.Redis, raw: bytes) -> None:
    door = Backend(db, redis_client)
    assert door.hear(raw)
    assert [one["state"] for one in stored_events(db)] == ["unknown"]
    assert door.names in (["unreadable"], ["nameless"])


def test_while_the_database_is_away_redis_keeps_it_and_a_worker_brings_it_back(
    db: Database, away: Database, redis_client: redis.Redis
) -> None:
    identity = send_message(db, reply())
    door, raw = Backend(away, redis_client), status_webhook(db, "sent")
    with capture_logs() as lines:
        assert door.hear(raw)
        assert door.hear(b"\xff\x00")
    assert door.came == [("default", "spilled")] * 2
    assert "Your table" not in str(lines)
    assert redis_client.xlen(WEBHOOKS) == 2
    rounds = folding(db, redis_client)
    assert rounds.collect() == 2
    assert (redis_client.xlen(WEBHOOKS), redis_client.xpending(WEBHOOKS, GROUP)["pending"]) == (0, 0)
    assert rounds.process() == Counter(folded=1)
    assert state_of(db, identity) == "sent"
    assert Backend(db, redis_client).hear(raw), "and a repeat is known"
    assert len(stored_events(db)) == 2


def test_what_waits_in_redis_is_known_before_anything_is_sent_once_more(
    db: Database, away: Database, valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    """The database comes back, and beat rings for the sweep before it rings for the fold."""
    identity = send_message(db, reply(0), Uncertain("read-timeout", "No answer came.", 600.0, on_evidence=True))
    send_message(db, reply(1))
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.1", 1))
    Backend(away, redis_client).hear(status_webhook(db, "delivered", "wamid.0", 0))
    update_message(db, identity, resend_at=datetime.now(UTC))
    assert run(db, valkey_server, "from tasks.sweep import sweep; sweep()").returncode == 0
    assert state_of(db, identity) == "uncertain"
    assert folding(db, redis_client).process() == Counter(folded=1)
    assert state_of(db, identity) == "delivered"


def test_what_came_through_redis_came_when_redis_took_it(
    db: Database, away: Database, redis_client: redis.Redis
) -> None:
    Backend(away, redis_client).hear(inbound_webhook(timestamp="never"))
    time.sleep(1.2)
    folding(db, redis_client).collect()
    (event,) = stored_events(db)
    assert (event["due_at"] - event["received_at"]).total_seconds() > 1
    assert event["at"] == event["received_at"]


def test_with_both_away_chatmitra_is_to_try_again(away: Database) -> None:
    with connect("redis://127.0.0.1:1/0", seconds=1) as nobody:
        door = Backend(away, nobody)
        with pytest.raises(Unavailable):
            door.hear(b"{}")
    assert door.came == [("default", "unavailable")]


def test_a_reader_that_dies_between_redis_and_ledger_leaves_it_to_the_next(
    db: Database, away: Database, redis_client: redis.Redis
) -> None:
    Backend(away, redis_client).hear(status_webhook(db, "sent"))
    with pytest.raises(Unavailable):
        folding(away, redis_client, "dead").collect()
    time.sleep(0.06)
    assert folding(db, redis_client, "next").collect() == 1


@pytest.mark.parametrize(
    "data", ["", "[]", "{}", '{"lane":1,"raw":2}', '{"lane":"default","raw":"\\u4e00 9876512345"}']
)
def test_what_is_no_webhook_in_the_mailbox_is_dropped_without_a_word_of_it(
    db: Database, away: Database, redis_client: redis.Redis, data: str
) -> None:
    redis_client.xadd(WEBHOOKS, {"verb": "webhook", "data": data})
    Backend(away, redis_client).hear(inbound_webhook())
    with capture_logs() as lines:
        assert folding(db, redis_client).collect() == 1
    assert redis_client.xlen(WEBHOOKS) == 0
    assert [line["action"] for line in lines] == ["webhook_rejected"]
    assert "9876512345" not in str(lines)


def test_names_of_unknown_events_are_counted_one_by_one_up_to_a_few() -> None:
    for n in range(metrics.MAX_EVENT_NAMES + 5):
        metrics.count_unknown_event(f"event.{chr(97 + n % 26)}{chr(97 + n // 26)}")
    names = {sample.labels["about"] for sample in next(iter(metrics.UNKNOWN_EVENTS.collect())).samples}
    assert "event.aa" in names
    assert "other" in names
    assert len(names) <= metrics.MAX_EVENT_NAMES + 1


def test_who_answers_a_webhook_does_not_wait_for_the_bell(db: Database, redis_client: redis.Redis) -> None:
    go_on = Event()
    door = Backend(db, redis_client, ring=go_on.wait)
    begun = time.monotonic()
    for n in range(3):
        assert door.hear(inbound_webhook(wamid=f"wamid.{n}"))
    assert time.monotonic() - begun < 5
    go_on.set()


def test_a_bell_that_nobody_takes_rings_again(db: Database, redis_client: redis.Redis) -> None:
    rings: list[float] = []

    def ring() -> None:
        rings.append(time.monotonic())
        raise Unavailable("Redis is away") if len(rings) == 1 else RuntimeError("broken")

    door = Backend(db, redis_client, ring=ring)
    for n in range(3):
        door.hear(inbound_webhook(wamid=f"wamid.{n}"))
        time.sleep(0.3)
    assert len(rings) >= 2


def test_a_webhook_faster_than_our_record_is_folded_once_that_is_there(db: Database, redis_client: redis.Redis) -> None:
    claimed = post_message(db, reply())
    Backend(db, redis_client).hear(status_webhook(db, "sent", to=None, message=None, jobId="job-1"))
    rounds = folding(db, redis_client)
    assert rounds.process() == Counter(waiting=1)
    record_outcome(db, claimed, Accepted("job-1", 202))
    age_events(db, 1)
    assert rounds.process() == Counter(folded=1)
    assert state_of(db, claimed.id) == "sent"


def test_one_process_folds_at_a_time_and_many_at_once_do_no_harm(db: Database, redis_client: redis.Redis) -> None:
    ids = [send_message(db, reply(n)) for n in range(30)]
    door = Backend(db, redis_client)
    for n in range(30):
        door.hear(status_webhook(db, "read", f"wamid.{n}", n))
    with ThreadPoolExecutor(4) as threads:
        done = sum(threads.map(lambda n: folding(db, redis_client, f"w{n}").process(), range(4)), Counter[str]())
    assert done == Counter(folded=30)
    assert {state_of(db, identity) for identity in ids} == {"read"}


def test_silence_is_said_in_the_log(db: Database, redis_client: redis.Redis) -> None:
    send_message(db, reply())
    with capture_logs() as lines:
        assert list(folding(db, redis_client, silence_seconds=0.0).check_silence()) == ["default"]
        assert folding(db, redis_client, silence_seconds=0.0).check_silence() == {}, "once in a while"
    assert [(line["action"], line["lane"]) for line in lines] == [("webhooks_silent", "default")]
    assert folding(db, redis_client, silence_seconds=900).check_silence() == {}


def test_a_text_never_waits_in_redis_while_the_database_is_there(db: Database, redis_client: redis.Redis) -> None:
    Backend(db, redis_client).hear(inbound_webhook("A secret of the patient"))
    assert redis_client.keys("*") == []


def test_an_event_of_every_shape_is_told_apart_in_one_webhook(db: Database, redis_client: redis.Redis) -> None:
    several = json.dumps(
        [json.loads(status_webhook(db, "sent")), json.loads(inbound_webhook()), {"event": "account.alert"}]
    ).encode()
    assert Backend(db, redis_client).hear(several)
    assert [one["about"] for one in stored_events(db)] == ["sent", "received", "account.alert"]
