"""An application whose host has a wrong clock: what it hands over counts by the ledger's time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import time_machine

from harkara import Client, Envelope, Invalid, Text
from harkara.inbound.contact import ConsentChoice
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.producer import STREAM
from harkara.intake.stream import Intake
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.contacts.queries import list_contacts
from harkara.ledger.database import Database
from harkara.published.store import PublishedStore
from harkara.shared_defaults import DEADLINES
from harness.valkey import ValkeyServer
from tests.integration.ledger.occasions import PLAN
from tests.integration.ledger.steps import accept_messages, dispatch_all, reply, row
from tests.unit.catalogue.templates import CATALOGUE

ASHA = "919876500001"
SKEWS = [timedelta(hours=-3), timedelta(minutes=2), timedelta(hours=30), timedelta(days=4400)]


@contextmanager
def clock(ahead: timedelta) -> Iterator[None]:
    """The wall clock of this host, meanwhile."""
    with time_machine.travel(datetime.now(UTC) + ahead, tick=True):
        yield


@pytest.fixture
def consumer(redis_client: redis.Redis, db: Database) -> IntakeConsumer:
    return IntakeConsumer(
        Intake(redis_client, "reader"), db, lambda hints: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10
    )


@pytest.mark.parametrize("skew", SKEWS, ids=str)
def test_an_opt_out_through_redis_counts_whatever_the_applications_clock_says(
    skew: timedelta, valkey_server: ValkeyServer, consumer: IntakeConsumer, db: Database
) -> None:
    opted_in = ConsentChoice.parse(
        ASHA, action="opt-in", category="everything", how="operator", proof="a call", at=datetime.now(UTC)
    )
    record_consent(db, "default", [opted_in])
    with clock(skew), Client(valkey_server.url) as client:
        client.opt_out(ASHA, proof="Ticked off in the profile")
    consumer.drain()
    (contact,) = list_contacts(db, ASHA)
    assert contact.stopped == "everything"
    assert abs(contact.proofs[-1].at - datetime.now(UTC)) < timedelta(seconds=10)
    with Client(database_url=str(db.url.render_as_string(hide_password=False))) as direct:
        with pytest.raises(Invalid, match="wants no more messages"):
            direct.send("Hello", to=ASHA)


@pytest.mark.parametrize("skew", SKEWS, ids=str)
def test_an_opt_out_in_the_ledger_counts_whatever_the_applications_clock_says(skew: timedelta, db: Database) -> None:
    with Client(database_url=str(db.url.render_as_string(hide_password=False))) as direct:
        direct.opt_in(ASHA, proof="Form of May")
        with clock(skew):
            direct.opt_out(ASHA, proof="Ticked off in the profile")
    (contact,) = list_contacts(db, ASHA)
    assert contact.stopped == "everything"


def test_a_choice_counts_from_its_hand_over_and_not_from_when_a_worker_reads_it(
    valkey_server: ValkeyServer, redis_client: redis.Redis, consumer: IntakeConsumer, db: Database
) -> None:
    with Client(valkey_server.url) as client:
        client.opt_in(ASHA, proof="Ticked on", category="marketing")
    redis: Any = redis_client
    ((_, fields),) = redis.xrange(STREAM)
    seconds, _ = redis.time()
    redis.delete(STREAM)
    redis.xadd(STREAM, fields, id=f"{(seconds - 600) * 1000}-1")  # as it is after ten minutes without a worker
    stop = ConsentChoice(
        recipient=ASHA,
        action="opt-out",
        category="everything",
        how="customer",
        proof="STOP",
        at=datetime.now(UTC) - timedelta(minutes=5),
    )
    record_consent(db, "default", [stop])
    consumer.drain()
    (contact,) = list_contacts(db, ASHA)
    assert contact.stopped == "everything"


def test_a_choice_that_names_a_time_ahead_is_recorded_now_and_one_of_next_week_is_refused(db: Database) -> None:
    now = datetime.now(UTC)

    def choice(at: datetime) -> ConsentChoice:
        return ConsentChoice.parse(ASHA, action="opt-out", category="everything", how="import", proof="a list", at=at)

    record_consent(db, "default", [choice(now + timedelta(hours=23))])
    (contact,) = list_contacts(db, ASHA)
    assert contact.stopped == "everything"
    assert contact.proofs[-1].at <= datetime.now(UTC) + timedelta(seconds=1)
    with pytest.raises(Invalid, match=r"^at: is in the future"):
        choice(now + timedelta(days=7))


@pytest.mark.parametrize("skew", SKEWS, ids=str)
def test_the_deadline_of_a_kind_counts_from_the_hand_over(
    skew: timedelta, valkey_server: ValkeyServer, redis_client: redis.Redis, consumer: IntakeConsumer, db: Database
) -> None:
    PublishedStore(redis_client).publish(CATALOGUE)
    with clock(skew), Client(valkey_server.url) as client:
        handle = client.send_template("otp_verification", to=ASHA, code="482913", minutes="5", purpose="the login")
    before = datetime.now(UTC)
    consumer.drain()
    found = row(db, handle.id)
    assert found["state"] in ("waiting", "queued")
    assert timedelta(seconds=290) < found["expires_at"] - before < timedelta(seconds=310)


@pytest.mark.parametrize("skew", SKEWS, ids=str)
def test_a_validity_in_place_of_a_deadline_crosses_as_what_it_is(
    skew: timedelta, valkey_server: ValkeyServer, consumer: IntakeConsumer, db: Database
) -> None:
    with clock(skew), Client(valkey_server.url) as client:
        handle = client.send("Your table is ready", to=ASHA, expires=timedelta(minutes=5))
    before = datetime.now(UTC)
    consumer.drain()
    assert timedelta(seconds=290) < row(db, handle.id)["expires_at"] - before < timedelta(seconds=310)


def test_a_message_without_the_field_of_this_release_keeps_the_deadline_in_its_json(
    redis_client: redis.Redis, consumer: IntakeConsumer, db: Database
) -> None:
    envelope = Envelope(to=ASHA, messages=[Text("Hello")], expires=timedelta(minutes=5))
    text = envelope.to_json()
    older = Envelope.from_json(text)
    assert older.expires is not None
    Intake(redis_client).append("send", [text])  # as an older release hands it over
    consumer.drain()
    assert row(db, envelope.id)["expires_at"] == older.expires


def test_a_validity_that_is_over_at_once_is_refused() -> None:
    with pytest.raises(Invalid, match=r"^expires: must be longer than 0 s"):
        Envelope(to=ASHA, messages=[Text("Hello")], expires=timedelta())


def test_the_ledger_holds_messages_and_choices_of_the_years_after_2038(db: Database) -> None:
    at = datetime(2039, 5, 1, 4, 30, tzinfo=UTC)
    (identity,) = accept_messages(db, reply(at=at))
    found = row(db, identity)
    assert found["due_at"] == at
    assert found["expires_at"] > at
    assert dispatch_all(db) == []


def test_the_age_of_an_entry_is_measured_by_redis_alone(redis_client: redis.Redis) -> None:
    with clock(timedelta(days=-4)):
        Intake(redis_client).append("send", ["{}"])
        (entry,) = Intake(redis_client, "reader").read()
    assert entry.appended_at is not None
    assert 0 <= time.monotonic() - entry.appended_at < 30
