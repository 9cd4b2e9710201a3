"""Stored webhooks are processed by one process at a time, also those that waited in Redis."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import redis
from structlog.testing import capture_logs

from harkara.errors import Unavailable
from harkara.intake.producer import GROUP
from harkara.intake.stream import WEBHOOKS
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import EventState
from harkara.outcomes import Accepted, Uncertain
from harness.valkey import ValkeyServer
from tests.integration.ledger.steps import record_outcome, reply, update_message
from tests.integration.ledger.test_event_reread import leave_as_unknown
from tests.integration.ledger.webhooks import (
    age_events,
    deliver_webhooks,
    inbound_webhook,
    post_message,
    preference_webhook,
    send_message,
    state_of,
    status_webhook,
    store_webhooks,
    stored_events,
)
from tests.integration.test_occasions import run
from tests.integration.webhooks.parts import RecordingReceiver, processor

APPLIED = EventState.APPLIED.value


def test_a_round_applies_stored_events_and_reports_their_number(db: Database, redis_client: redis.Redis) -> None:
    message_id = send_message(db, reply())
    assert RecordingReceiver(db, redis_client).receive(status_webhook(db, "delivered"))
    reported: list[Counter[str]] = []
    assert processor(db, redis_client, on_processed=reported.append).process() == Counter({APPLIED: 1}) == reported[0]
    assert state_of(db, message_id) == "delivered"


def test_redis_stores_webhooks_while_the_database_is_unavailable(
    db: Database, unavailable_db: Database, redis_client: redis.Redis
) -> None:
    message_id = send_message(db, reply())
    receiver, body = RecordingReceiver(unavailable_db, redis_client), status_webhook(db, "sent")
    with capture_logs() as lines:
        assert receiver.receive(body)
        assert receiver.receive(b"\xff\x00")
    assert receiver.outcomes == [("default", "spilled")] * 2
    assert "Your table" not in str(lines)
    assert redis_client.xlen(WEBHOOKS) == 2
    rounds = processor(db, redis_client)
    assert rounds.collect() == 2
    assert (redis_client.xlen(WEBHOOKS), redis_client.xpending(WEBHOOKS, GROUP)["pending"]) == (0, 0)
    assert rounds.process() == Counter({APPLIED: 1})
    assert state_of(db, message_id) == "sent"
    assert RecordingReceiver(db, redis_client).receive(body), "a repeat is accepted"
    assert len(stored_events(db)) == 2


def test_the_sweep_collects_webhooks_from_redis_before_it_resends(
    db: Database, unavailable_db: Database, valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    """After an outage of the database, beat may start the sweep before event processing."""
    message_id = send_message(db, reply(0), Uncertain("read-timeout", "No answer came.", 600.0, on_evidence=True))
    send_message(db, reply(1))
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.1", 1))
    RecordingReceiver(unavailable_db, redis_client).receive(status_webhook(db, "delivered", "wamid.0", 0))
    update_message(db, message_id, resend_at=datetime.now(UTC))
    assert run(db, valkey_server, "from tasks.sweep import sweep; sweep()").returncode == 0
    assert state_of(db, message_id) == "uncertain"
    assert processor(db, redis_client).process() == Counter({APPLIED: 1})
    assert state_of(db, message_id) == "delivered"


def test_a_webhook_from_redis_keeps_the_time_of_its_receipt(
    db: Database, unavailable_db: Database, redis_client: redis.Redis
) -> None:
    RecordingReceiver(unavailable_db, redis_client).receive(inbound_webhook(timestamp="never"))
    time.sleep(1.2)
    processor(db, redis_client).collect()
    (event,) = stored_events(db)
    assert (event["due_at"] - event["received_at"]).total_seconds() > 1
    assert event["at"] == event["received_at"]


def test_a_webhook_of_a_reader_that_died_before_the_commit_goes_to_the_next(
    db: Database, unavailable_db: Database, redis_client: redis.Redis
) -> None:
    RecordingReceiver(unavailable_db, redis_client).receive(status_webhook(db, "sent"))
    with pytest.raises(Unavailable):
        processor(unavailable_db, redis_client, "dead").collect()
    time.sleep(0.06)
    assert processor(db, redis_client, "next").collect() == 1


@pytest.mark.parametrize(
    "data", ["", "[]", "{}", '{"lane":1,"raw":2}', '{"lane":"default","raw":"\\u4e00 9876512345"}']
)
def test_an_entry_without_a_webhook_is_dropped_and_its_data_is_not_logged(
    db: Database, unavailable_db: Database, redis_client: redis.Redis, data: str
) -> None:
    redis_client.xadd(WEBHOOKS, {"verb": "webhook", "data": data})
    RecordingReceiver(unavailable_db, redis_client).receive(inbound_webhook())
    with capture_logs() as lines:
        assert processor(db, redis_client).collect() == 1
    assert redis_client.xlen(WEBHOOKS) == 0
    assert [line["action"] for line in lines] == ["webhook_rejected"]
    assert "9876512345" not in str(lines)


def test_a_webhook_that_is_faster_than_our_record_is_applied_after_it(db: Database, redis_client: redis.Redis) -> None:
    claimed = post_message(db, reply())
    RecordingReceiver(db, redis_client).receive(status_webhook(db, "sent", to=None, message=None, jobId="job-1"))
    rounds = processor(db, redis_client)
    assert rounds.process() == Counter(waiting=1)
    record_outcome(db, claimed, Accepted("job-1", 202))
    age_events(db, 1)
    assert rounds.process() == Counter({APPLIED: 1})
    assert state_of(db, claimed.id) == "sent"


def test_several_processes_at_once_apply_each_event_once(db: Database, redis_client: redis.Redis) -> None:
    ids = [send_message(db, reply(n)) for n in range(30)]
    receiver = RecordingReceiver(db, redis_client)
    for n in range(30):
        receiver.receive(status_webhook(db, "read", f"wamid.{n}", n))
    with ThreadPoolExecutor(4) as threads:
        counts = threads.map(lambda n: processor(db, redis_client, f"w{n}").process(), range(4))
        assert sum(counts, Counter[str]()) == Counter({APPLIED: 30})
    assert {state_of(db, message_id) for message_id in ids} == {"read"}


def test_a_silent_lane_is_logged_once_in_a_while(db: Database, redis_client: redis.Redis) -> None:
    send_message(db, reply())
    with capture_logs() as lines:
        assert list(processor(db, redis_client, silence_seconds=0.0).check_silence()) == ["default"]
        assert processor(db, redis_client, silence_seconds=0.0).check_silence() == {}, "not again so soon"
    assert [(line["action"], line["lane"]) for line in lines] == [("webhooks_silent", "default")]
    assert processor(db, redis_client, silence_seconds=900).check_silence() == {}


def test_a_choice_that_an_older_process_stores_after_the_start_is_applied(
    db: Database, redis_client: redis.Redis
) -> None:
    """In a rolling upgrade, an old web process answers for a while and knows fewer events."""
    rounds = processor(db, redis_client, reread_seconds=0.0)
    assert rounds.process() == Counter()
    store_webhooks(db, preference_webhook("stop"))
    leave_as_unknown(db)
    assert rounds.process() == Counter({APPLIED: 1})
    hourly = processor(db, redis_client, reread_seconds=3600)
    hourly.process()
    leave_as_unknown(db)
    assert hourly.process() == Counter(), "it reads again only from time to time"
