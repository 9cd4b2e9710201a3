"""A genuine webhook is stored before it is answered, and any other is refused."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from threading import Event

import pytest
import redis

from config import metrics
from harkara.chatmitra.signature import sign
from harkara.errors import NotFound, Unavailable
from harkara.intake.stream import WEBHOOKS
from harkara.ledger.database import Database
from harkara.redis_client import connect
from tests.integration.ledger.steps import reply
from tests.integration.ledger.webhooks import inbound_webhook, send_message, state_of, status_webhook, stored_events
from tests.integration.webhooks.parts import RecordingReceiver, processor


def test_a_genuine_webhook_is_stored_before_its_answer_and_notifies_the_workers(
    db: Database, redis_client: redis.Redis
) -> None:
    receiver = RecordingReceiver(db, redis_client)
    assert receiver.receive(status_webhook(db, "delivered"))
    assert [one["state"] for one in stored_events(db)] == ["new"]
    assert receiver.notified.wait(60)
    assert receiver.outcomes == [("default", "stored")]


@pytest.mark.parametrize(
    ("lane", "signature"),
    [
        ("default", ""),
        ("default", "0" * 64),
        ("default", "sha256="),
        ("default", "ключ"),
        ("north", sign(b"{}", "secret")),
        ("no-secret", sign(b"{}", "")),
        ("blank-secret", sign(b"{}", " ")),
    ],
    ids=["empty", "wrong", "half", "foreign", "another lane's", "no secret", "blank secret"],
)
def test_a_webhook_without_the_signature_of_its_lane_is_refused(
    db: Database, redis_client: redis.Redis, lane: str, signature: str
) -> None:
    receiver = RecordingReceiver(db, redis_client)
    assert receiver.receive(b"{}", lane, signature) is False
    assert (stored_events(db), redis_client.xlen(WEBHOOKS), receiver.outcomes) == ([], 0, [(lane, "refused")])
    assert not receiver.notified.is_set()


def test_a_missing_or_truncated_signature_or_one_of_other_bytes_is_refused(
    db: Database, redis_client: redis.Redis
) -> None:
    receiver, body = RecordingReceiver(db, redis_client), status_webhook(db, "sent")
    genuine = sign(body, "secret")
    assert asyncio.run(receiver.receiver.receive("default", body, None)) is False
    assert receiver.receive(body, signature=genuine[:-1]) is False
    assert receiver.receive(body[:-1], signature=genuine) is False
    assert receiver.receive(body.replace(b"sent", b"read"), signature=genuine) is False
    assert stored_events(db) == []


def test_a_replayed_webhook_is_accepted_and_changes_nothing(db: Database, redis_client: redis.Redis) -> None:
    message_id = send_message(db, reply())
    receiver, body = RecordingReceiver(db, redis_client), status_webhook(db, "sent")
    for _ in range(3):
        assert receiver.receive(body)
        processor(db, redis_client).process()
    assert (len(stored_events(db)), state_of(db, message_id)) == (1, "sent")
    assert receiver.outcomes == [("default", "stored"), ("default", "repeated"), ("default", "repeated")]


def test_a_webhook_of_an_unknown_lane_is_not_found(db: Database, redis_client: redis.Redis) -> None:
    with pytest.raises(NotFound):
        asyncio.run(RecordingReceiver(db, redis_client).receiver.receive("nowhere", b"{}", sign(b"{}", "secret")))


def test_the_same_webhook_in_many_requests_is_one_event(db: Database, redis_client: redis.Redis) -> None:
    receiver, body = RecordingReceiver(db, redis_client), status_webhook(db, "sent")
    genuine = sign(body, "secret")

    async def receive_at_once() -> list[bool]:
        return await asyncio.gather(*(receiver.receiver.receive("default", body, genuine) for _ in range(24)))

    assert asyncio.run(receive_at_once()) == [True] * 24
    assert len(stored_events(db)) == 1
    assert Counter(outcome for _, outcome in receiver.outcomes) == Counter(stored=1, repeated=23)


@pytest.mark.parametrize("body", [b"", b"\xff\x00\xfe", b"[]", b"null", b'{"event":"\\u0000"}', b"[" * 50_000])
def test_any_signed_bytes_are_stored_and_counted(db: Database, redis_client: redis.Redis, body: bytes) -> None:
    receiver = RecordingReceiver(db, redis_client)
    assert receiver.receive(body)
    assert [one["state"] for one in stored_events(db)] == ["unknown"]
    assert receiver.unknown in (["unreadable"], ["nameless"])


def test_a_webhook_with_several_events_stores_each(db: Database, redis_client: redis.Redis) -> None:
    events = [json.loads(status_webhook(db, "sent")), json.loads(inbound_webhook()), {"event": "account.alert"}]
    assert RecordingReceiver(db, redis_client).receive(json.dumps(events).encode())
    assert [one["about"] for one in stored_events(db)] == ["sent", "received", "account.alert"]


def test_with_database_and_redis_unavailable_a_webhook_is_left_to_chatmitras_retry(unavailable_db: Database) -> None:
    with connect("redis://127.0.0.1:1/0", seconds=1) as unreachable:
        receiver = RecordingReceiver(unavailable_db, unreachable)
        with pytest.raises(Unavailable):
            receiver.receive(b"{}")
    assert receiver.outcomes == [("default", "unavailable")]


def test_no_text_is_in_redis_while_the_database_is_available(db: Database, redis_client: redis.Redis) -> None:
    RecordingReceiver(db, redis_client).receive(inbound_webhook("A secret of the patient"))
    assert redis_client.keys("*") == []


def test_the_answer_does_not_wait_for_the_notification(db: Database, redis_client: redis.Redis) -> None:
    release = Event()
    receiver = RecordingReceiver(db, redis_client, release.wait)
    for n in range(3):
        assert receiver.receive(inbound_webhook(wamid=f"wamid.{n}"))
    assert not release.is_set()
    release.set()


def test_workers_are_notified_again_after_a_failed_notification(db: Database, redis_client: redis.Redis) -> None:
    notifications: list[float] = []

    def fail() -> None:
        notifications.append(time.monotonic())
        raise Unavailable("Redis is away") if len(notifications) == 1 else RuntimeError("broken")

    receiver = RecordingReceiver(db, redis_client, fail)
    for n in range(3):
        receiver.receive(inbound_webhook(wamid=f"wamid.{n}"))
        time.sleep(0.3)
    assert len(notifications) >= 2


def test_only_the_first_names_of_unknown_events_are_counted_by_name() -> None:
    for n in range(metrics.MAX_EVENT_NAMES + 5):
        metrics.count_unknown_event(f"event.{chr(97 + n % 26)}{chr(97 + n // 26)}")
    names = {sample.labels["about"] for sample in next(iter(metrics.UNKNOWN_EVENTS.collect())).samples}
    assert "event.aa" in names
    assert "other" in names
    assert len(names) <= metrics.MAX_EVENT_NAMES + 1
