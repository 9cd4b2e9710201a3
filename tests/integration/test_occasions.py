"""Occasions end to end: saved through Redis, the ledger or a Celery task, until their reminders are sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harkara import Client, Conflict, Invalid, NotFound
from harkara.delivery.sender import Sender
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.stream import Intake
from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.sweep import sweep
from harkara.playbook import Playbook
from harkara.published.store import PublishedStore
from harkara.receipt import Change
from harkara.redis_client import connect
from harkara.shared_defaults import DEADLINES
from harness.valkey import ValkeyServer, valkey
from tests.integration.delivery.running import posts, running_sender
from tests.integration.ledger.occasions import (
    CONFIG,
    PLAN,
    VISIT,
    closing,
    move_into_past,
    noon,
    occasion_rows,
    reminder_rows,
    save,
    visit,
)
from tests.integration.ledger.steps import dispatch_all, update_message
from tests.integration.sandbox.process import Sandbox, sandbox_process

ROOT = CONFIG.parent
ASHA = "98765 00001"
APPOINTMENT: dict[str, Any] = {"to": ASHA, "parameters": VISIT}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_process(SANDBOX_LIMIT="none") as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with valkey() as running:
        yield running


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate.upgrade(database)
    yield database
    assert audit(database).findings == []
    database.close()


@pytest.fixture
def sender(db: Database, sandbox: Sandbox, server: ValkeyServer) -> Iterator[Sender]:
    sandbox.reset()
    with running_sender(db, sandbox, server.url) as one:
        yield one


@pytest.fixture
def by_redis(server: ValkeyServer) -> Iterator[Client]:
    with connect(server.url, seconds=2) as redis:
        redis.flushall()
        PublishedStore(redis).publish(PLAN.catalogue, PLAN)
        with Client(server.url, producer="clinic") as client:
            yield client


@pytest.fixture
def by_ledger(db: Database, server: ValkeyServer) -> Iterator[Client]:
    with connect(server.url, seconds=2) as redis:
        PublishedStore(redis).publish(PLAN.catalogue, PLAN)
    with Client(server.url, database_url=db.url.render_as_string(hide_password=False)) as client:
        yield client


def drain(server: ValkeyServer, db: Database) -> int:
    with connect(server.url, seconds=2) as redis:
        consumer = IntakeConsumer(
            Intake(redis, "w"), db, lambda _: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10
        )
        return consumer.drain()


def make_due(db: Database, rule: str) -> str:
    """Make the waiting reminder of the rule due, and return its id."""
    (reminder,) = reminder_rows(db, rule, "waiting")
    update_message(db, reminder["id"], due_at=datetime.now(UTC) - timedelta(seconds=5))
    return str(reminder["id"])


# Through Redis


def test_updates_through_redis_are_applied_in_their_order(by_redis: Client, server: ValkeyServer, db: Database) -> None:
    at = noon()
    assert by_redis.save_occasion("appointment", "visit 7", at=at, **APPOINTMENT) == Change.HANDED_OVER
    by_redis.save_occasion("appointment", "visit 7", at=at + timedelta(days=1), **APPOINTMENT)
    by_redis.save_occasion("appointment", "visit 8", at=at, **APPOINTMENT)
    by_redis.cancel_occasion("appointment", "visit 8", reason="ill")
    by_redis.complete_occasion("appointment", "visit 9")
    assert drain(server, db) == 5
    moved, ill = occasion_rows(db)
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
    refused(r"appointment\.doctor: is missing; this kind needs doctor, date", parameters={})
    refused(r"appointment\.doktor: is no parameter here", parameters={**VISIT, "doktor": "Rao"})
    refused(r"appointment_reminder\.doctor", parameters={**VISIT, "doctor": ""})
    refused("at: must be a time", at="tomorrow")
    refused("version", version=-1)
    with pytest.raises(Invalid, match="kind: must be one of"):
        by_redis.cancel_occasion("birthday", "visit 7")


def test_a_naive_time_is_local_to_the_named_zone_or_to_the_lane(
    by_redis: Client, server: ValkeyServer, db: Database
) -> None:
    naive = datetime(2031, 3, 9, 2, 30)
    by_redis.save_occasion("appointment", "a", at=naive, **APPOINTMENT)
    by_redis.save_occasion("appointment", "b", at=naive, zone="America/New_York", **APPOINTMENT)
    drain(server, db)
    assert [o["at"].isoformat() for o in occasion_rows(db)] == [
        "2031-03-08T21:00:00+00:00",
        "2031-03-09T07:00:00+00:00",
    ]


def test_an_invalid_entry_stops_no_other(by_redis: Client, server: ValkeyServer, db: Database) -> None:
    with connect(server.url, seconds=2) as redis:
        Intake(redis).append("save-occasion", ["no", "{}", '{"to": 7}'])
    by_redis.save_occasion("appointment", "visit 7", at=noon(), **APPOINTMENT)
    assert drain(server, db) == 1


def test_without_published_rules_the_error_names_the_next_step(redis_server: ValkeyServer) -> None:
    with connect(redis_server.url, seconds=2) as redis:
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


def test_a_task_call_by_name_saves_and_closes_an_occasion(db: Database, server: ValkeyServer) -> None:
    fields = {"at": "2031-03-09T10:30", "to": "+919876500001", "parameters": VISIT}
    assert call_task(db, server, "save", **fields, version=2) == ""
    assert call_task(db, server, "save", **fields, version=2) == ""
    assert occasion_rows(db)[0]["at"].isoformat() == "2031-03-09T05:00:00+00:00"
    assert call_task(db, server, "cancel", version=1) == ""
    assert {r["state"] for r in reminder_rows(db)} == {"waiting"}
    assert call_task(db, server, "complete", reason="kept") == ""
    assert {r["reason"] for r in reminder_rows(db)} == {"Its appointment was completed: kept."}


def test_a_wrong_task_call_fails_with_the_reason_and_hides_its_arguments(db: Database, server: ValkeyServer) -> None:
    assert "Invalid: at: is missing" in call_task(db, server, "save", to="+919876500001")
    assert "Invalid: action: must be save" in call_task(db, server, "stop")
    assert "NotFound: no appointment" in call_task(db, server, "cancel")
    script = (
        "from tasks.occasion import occasion; print(occasion.Request, occasion.app.conf.task_routes[occasion.name])"
    )
    assert run(db, server, script).stdout == "tasks.accept:ConfidentialRequest {'queue': 'harkara.accept'}\n"


def call_task(db: Database, server: ValkeyServer, action: str, **fields: Any) -> str:
    """Call the task and return what it wrote to stderr: its error, if it failed."""
    arguments = json.dumps([[action, "appointment", "visit 7"], fields])
    script = f"""
import json
from tasks.occasion import occasion
args, fields = json.loads({arguments!r})
occasion(*args, **fields)
"""
    return run(db, server, script).stderr


def run(db: Database, server: ValkeyServer, script: str) -> subprocess.CompletedProcess[str]:
    url = db.url.render_as_string(hide_password=False)
    environment = {"HARKARA_DATABASE_URL": url, "HARKARA_REDIS_URL": server.url, "CHATMITRA_API_TOKEN": "secret"}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


# To Chat Mitra


def test_a_due_reminder_is_sent_once(db: Database, sandbox: Sandbox, sender: Sender) -> None:
    save(db, visit())
    sender.send([make_due(db, "-2h")] * 2)
    assert [(r["rule"], r["state"]) for r in reminder_rows(db)] == [("-24h", "waiting"), ("-2h", "accepted")]
    assert posts(sandbox) == 1


@pytest.mark.parametrize(
    "update", [closing(), closing("completed"), visit(at=noon(9)), visit(parameters={**VISIT, "place": "X"})]
)
def test_a_change_after_the_hint_stops_the_old_reminder(
    db: Database, sandbox: Sandbox, sender: Sender, update: Any
) -> None:
    save(db, visit())
    identity = make_due(db, "-2h")
    assert dispatch_all(db) == [identity]
    save(db, update)
    sender.send([identity])
    assert posts(sandbox) == 0
    assert [r["code"] for r in reminder_rows(db, "-2h", "cancelled")] == ["superseded"]


@pytest.mark.parametrize(
    "update", [closing(), closing("completed"), visit(at=noon(9)), visit(parameters={**VISIT, "place": "X"})]
)
@pytest.mark.parametrize("moment", ["K1", "K2"])
def test_a_change_after_the_claim_stops_the_old_reminder_before_its_attempt(
    db: Database, sandbox: Sandbox, server: ValkeyServer, update: Any, moment: str
) -> None:
    sandbox.reset()
    save(db, visit())

    def checkpoint(name: str) -> None:
        if name == moment:
            save(db, update)

    with running_sender(db, sandbox, server.url, checkpoint=checkpoint) as one:
        one.send([make_due(db, "-2h")])
    assert posts(sandbox) == (moment == "K2"), "at K2 the attempt is committed"
    assert len(reminder_rows(db, "-2h", "accepted")) == (moment == "K2")


def test_after_six_hours_without_workers_useful_reminders_are_sent_once(
    db: Database, sandbox: Sandbox, sender: Sender
) -> None:
    soon, missed, tomorrow = visit("soon", at=noon(5)), visit("missed", at=noon(4)), visit("tomorrow", at=noon(6))
    save(db, soon, missed, tomorrow)
    # Now the first is one hour away, the second 23 hours ago, and the third 25 hours away.
    move_into_past(db, noon(5) - datetime.now(UTC) - timedelta(hours=1))
    playbook = Playbook.load(CONFIG / "playbook.toml")
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: sweep(db, playbook.after_crash, retention_seconds=None), range(2)))
        hinted = list(threads.map(lambda _: dispatch_all(db), range(2)))
    for ids in hinted:
        sender.send(ids)
    assert posts(sandbox) == 1
    (sent,) = reminder_rows(db, state="accepted")
    assert sent["rule"] == "-2h"
    expired = reminder_rows(db, state="cancelled")
    assert {r["code"] for r in expired} == {"expired"}
    assert len(expired) == 3
    assert [r["rule"] for r in reminder_rows(db, state="waiting")] == ["-24h", "-2h"]
