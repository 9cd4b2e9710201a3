"""Occasions end to end: saved through Redis, the ledger or a Celery task, and written to the ledger."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from harkara import Client, Conflict, Invalid, NotFound
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.stream import Intake
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.occasions.queries import get_occasion
from harkara.occasions import Occasion, OccasionKey
from harkara.published.store import PublishedStore
from harkara.receipt import Change
from harkara.redis_client import connect
from harkara.redis_identity import DATABASE, LEDGER
from harkara.shared_defaults import DEADLINES
from harness.python import run_code
from harness.valkey import ValkeyServer
from tests.integration.ledger.occasions import (
    CONFIG,
    PLAN,
    VISIT,
    noon,
    occasion_rows,
    reminder_rows,
)

ROOT = CONFIG.parent
ASHA = "98765 00001"
APPOINTMENT: dict[str, Any] = {"to": ASHA, "parameters": VISIT}


DUE = date(2031, 12, 5)
INVOICE = {"customer": "Asha", "invoice": "INV3", "amount": "Rs 500", "late_fee": "Rs 50", "url_suffix": "p3"}


@pytest.fixture(autouse=True)
def _audited(db: Database) -> Iterator[None]:
    """Audit the ledger after each test."""
    yield
    assert audit(db).findings == []


@pytest.fixture
def by_redis(valkey_server: ValkeyServer) -> Iterator[Client]:
    with connect(valkey_server.url, seconds=30) as redis:
        redis.flushall()
        PublishedStore(redis).publish(PLAN.catalogue, PLAN)
        with Client(valkey_server.url, producer="clinic") as client:
            yield client


@pytest.fixture
def by_ledger(db: Database, valkey_server: ValkeyServer) -> Iterator[Client]:
    with connect(valkey_server.url, seconds=30) as redis:
        PublishedStore(redis).publish(PLAN.catalogue, PLAN)
    with Client(valkey_server.url, database_url=db.url.render_as_string(hide_password=False)) as client:
        yield client


def drain(valkey_server: ValkeyServer, db: Database) -> int:
    with connect(valkey_server.url, seconds=30) as redis:
        consumer = IntakeConsumer(
            Intake(redis, "w"), db, lambda _: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10
        )
        return consumer.drain()


# Through Redis


def test_updates_through_redis_are_applied_in_their_order(
    by_redis: Client, valkey_server: ValkeyServer, db: Database
) -> None:
    at = noon()
    assert by_redis.save_occasion("appointment", "visit 7", at=at, **APPOINTMENT) == Change.HANDED_OVER
    by_redis.save_occasion("appointment", "visit 7", at=at + timedelta(days=1), **APPOINTMENT)
    by_redis.save_occasion("appointment", "visit 8", at=at, **APPOINTMENT)
    by_redis.cancel_occasion("appointment", "visit 8", reason="ill")
    by_redis.complete_occasion("appointment", "visit 9")
    by_redis.save_occasion("appointment", "visit 10", at=at, **APPOINTMENT)
    by_redis.no_show_occasion("appointment", "visit 10")
    assert drain(valkey_server, db) == 7
    moved, ill, absent = occasion_rows(db)
    assert absent["status"] == "no-show"
    assert (moved["at"], moved["status"], moved["producer"]) == (at + timedelta(days=1), "open", "clinic")
    assert (ill["status"], ill["reason"]) == ("cancelled", "ill")
    assert {r["occasion_id"] for r in reminder_rows(db, state="waiting")} == {moved["id"]}


def test_an_invalid_update_is_refused_at_the_call(by_redis: Client) -> None:
    def refused(match: str, kind: str = "appointment", **other: Any) -> None:
        with pytest.raises(Invalid, match=match):
            by_redis.save_occasion(kind, "visit 7", **{"at": noon(), **APPOINTMENT} | other)

    refused("kind: must be one of appointment", kind="birthday")
    refused("to:", to="12")
    refused("zone: is not the name of a time zone", zone="Asia/Kolkatta")
    refused("zone: is not known for this lane", lane="north")
    refused(
        r"appointment\.doctor: is missing; this kind needs doctor, place, duration, helpline, and may have date, time",
        parameters={},
    )
    refused(r"appointment\.doktor: is no parameter here", parameters={**VISIT, "doktor": "Rao"})
    refused(r"appointment_reminder\.doctor", parameters={**VISIT, "doctor": ""})
    refused("at: must be a time", at="tomorrow")
    refused("version", version=-1)
    with pytest.raises(Invalid, match="kind: must be one of"):
        by_redis.cancel_occasion("birthday", "visit 7")


def test_a_naive_time_is_local_to_the_named_zone_or_to_the_lane(
    by_redis: Client, valkey_server: ValkeyServer, db: Database
) -> None:
    naive = datetime(2031, 3, 9, 2, 30)
    by_redis.save_occasion("appointment", "a", at=naive, **APPOINTMENT)
    by_redis.save_occasion("appointment", "b", at=naive, zone="America/New_York", **APPOINTMENT)
    drain(valkey_server, db)
    assert [o["at"].isoformat() for o in occasion_rows(db)] == [
        "2031-03-08T21:00:00+00:00",
        "2031-03-09T07:00:00+00:00",
    ]


def test_a_date_through_redis_is_the_whole_day(by_redis: Client, valkey_server: ValkeyServer, db: Database) -> None:
    by_redis.save_occasion("payment", "inv-1", at=DUE, to=ASHA, parameters=INVOICE)
    drain(valkey_server, db)
    (stored,) = occasion_rows(db)
    assert stored["at"].isoformat() == "2031-12-05T18:29:59.999999+00:00"
    shown = get_occasion(db, OccasionKey("inv-1", "payment", "default"), PLAN)
    assert (shown.at, shown["at"]) == (DUE, "2031-12-05")
    assert [f"{r['due_at']:%d %H:%M}" for r in reminder_rows(db, "0d", "waiting")] == ["05 04:30"]


def test_texts_of_an_older_client_that_contradict_the_time_are_replaced(
    by_redis: Client, valkey_server: ValkeyServer, db: Database
) -> None:
    """It does not compare them, and its update must not be lost."""
    old = Occasion(
        kind="appointment",
        reference="v",
        to="+919876500001",
        at="2031-03-09T16:00",
        zone="Asia/Kolkata",
        parameters={**VISIT, "date": "9 March", "time": "10:30"},
    )
    with connect(valkey_server.url, seconds=30) as redis:
        Intake(redis).append("save-occasion", [old.to_json()])
    drain(valkey_server, db)
    assert all("9 March" in r["body"] and "4:00 PM" in r["body"] for r in reminder_rows(db))


def test_an_invalid_entry_stops_no_other(by_redis: Client, valkey_server: ValkeyServer, db: Database) -> None:
    with connect(valkey_server.url, seconds=30) as redis:
        Intake(redis).append("save-occasion", ["no", "{}", '{"to": 7}'])
    by_redis.save_occasion("appointment", "visit 7", at=noon(), **APPOINTMENT)
    assert drain(valkey_server, db) == 1


def test_without_published_rules_the_error_names_the_next_step(redis_server: ValkeyServer) -> None:
    with connect(redis_server.url, seconds=30) as redis:
        PublishedStore(redis).publish(PLAN.catalogue)
    with Client(redis_server.url) as client, pytest.raises(NotFound, match="pass reminders="):
        client.save_occasion("appointment", "visit 7", at=noon(), **APPOINTMENT)


# Through the ledger


def test_with_the_database_the_result_names_the_change(by_ledger: Client, db: Database) -> None:
    at = noon()
    assert by_ledger.save_occasion("appointment", "v", at=at, version=2, **APPOINTMENT) == Change.CREATED
    assert by_ledger.save_occasion("appointment", "v", at=at, version=2, **APPOINTMENT) == Change.UNCHANGED
    assert by_ledger.save_occasion("appointment", "v", at=noon(9), version=1, **APPOINTMENT) == Change.OUTDATED
    with pytest.raises(Conflict):
        by_ledger.save_occasion("appointment", "v", at=noon(9), version=2, **APPOINTMENT)
    assert by_ledger.complete_occasion("appointment", "v", version=3) == Change.CHANGED
    with pytest.raises(NotFound):
        by_ledger.cancel_occasion("appointment", "w")
    assert {r["state"] for r in reminder_rows(db)} == {"cancelled"}


def test_a_client_without_redis_needs_the_rules(db: Database) -> None:
    url = db.url.render_as_string(hide_password=False)
    with Client(database_url=url) as client, pytest.raises(Invalid, match="reminders=Path"):
        client.save_occasion("appointment", "v", at=noon(), **APPOINTMENT)
    rules, catalogue = CONFIG / "reminders.toml", CONFIG / "templates.toml"
    with Client(database_url=url, catalogue=catalogue, reminders=rules) as client:
        with pytest.raises(Invalid, match="zone: is not known"):
            client.save_occasion("appointment", "v", at=noon(), **APPOINTMENT)
        assert client.save_occasion("appointment", "v", at=noon(), zone="Asia/Kolkata", **APPOINTMENT) == Change.CREATED


# Through a Celery task


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_a_task_call_by_name_saves_and_closes_an_occasion(db: Database, valkey_server: ValkeyServer) -> None:
    fields = {"at": "2031-03-09T10:30", "to": "+919876500001", "parameters": VISIT}
    assert call_task(db, valkey_server, "save", "save", **fields, version=2) == ""
    assert occasion_rows(db)[0]["at"].isoformat() == "2031-03-09T05:00:00+00:00"
    assert call_task(db, valkey_server, "cancel", version=1) == ""
    assert {r["state"] for r in reminder_rows(db)} == {"waiting"}
    assert call_task(db, valkey_server, "complete", reason="kept") == ""
    assert {r["reason"] for r in reminder_rows(db)} == {"Its appointment was completed: kept."}
    assert call_task(db, valkey_server, "no-show") == ""
    assert occasion_rows(db)[0]["status"] == "no-show"


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_wrong_task_call_fails_with_the_reason_and_hides_its_arguments(
    db: Database, valkey_server: ValkeyServer
) -> None:
    assert "Invalid: at: is missing" in call_task(db, valkey_server, "save", to="+919876500001")
    assert "Invalid: action: must be save" in call_task(db, valkey_server, "stop")
    assert "NotFound: no appointment" in call_task(db, valkey_server, "cancel")
    script = (
        "from tasks.occasion import occasion; print(occasion.Request, occasion.app.conf.task_routes[occasion.name])"
    )
    assert run(db, valkey_server, script).stdout == "tasks.accept:ConfidentialRequest {'queue': 'harkara.accept'}\n"


def call_task(db: Database, valkey_server: ValkeyServer, *actions: str, **fields: Any) -> str:
    """Call the task with each action and return what it wrote to stderr: its error, if it failed."""
    arguments = json.dumps([actions, fields])
    script = f"""
import json
from tasks.occasion import occasion
actions, fields = json.loads({arguments!r})
for action in actions:
    occasion(action, "appointment", "visit 7", **fields)
"""
    return run(db, valkey_server, script).stderr


def run(db: Database, valkey_server: ValkeyServer, script: str) -> subprocess.CompletedProcess[str]:
    with connect(valkey_server.url, seconds=30) as redis:
        redis.delete(LEDGER, DATABASE)  # tests with other ledgers use the same server
    return run_with(db.url.render_as_string(hide_password=False), valkey_server.url, script)


def run_with(database_url: str, redis_url: str, script: str) -> subprocess.CompletedProcess[str]:
    environment = {"HARKARA_DATABASE_URL": database_url, "HARKARA_REDIS_URL": redis_url}
    return run_code(script, os.environ | environment | {"CHATMITRA_API_TOKEN": "secret"})
