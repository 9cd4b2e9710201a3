"""Occasions from an application's call, by either door or by task, to what Chat Mitra is sent and what it is not."""

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
from harkara.defaults import DEADLINES
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
from harness.valkey import ValkeyServer, valkey
from tests.integration.delivery.running import posts, running_sender
from tests.integration.ledger.bookings import CONFIG, PLAN, VISIT, noon, occasions, over, reminders, say, shift, visit
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
        ear = IntakeConsumer(Intake(redis, "w"), db, lambda _: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10)
        return ear.drain()


def bodies(sandbox: Sandbox) -> str:
    return str(sandbox.get("/_sandbox/requests", limit=1_000)["requests"])


def due(db: Database, rule: str) -> str:
    """Its hour has come."""
    (one,) = reminders(db, rule, "waiting")
    update_message(db, one["id"], due_at=datetime.now(UTC) - timedelta(seconds=5))
    return str(one["id"])


# By Redis


def test_what_is_said_through_redis_is_taken_in_its_order(by_redis: Client, server: ValkeyServer, db: Database) -> None:
    at = noon()
    assert by_redis.save_occasion("appointment", "visit 7", at=at, **APPOINTMENT) == Change.HANDED_OVER
    by_redis.save_occasion("appointment", "visit 7", at=at + timedelta(days=1), **APPOINTMENT)
    by_redis.save_occasion("appointment", "visit 8", at=at, **APPOINTMENT)
    by_redis.cancel_occasion("appointment", "visit 8", reason="ill")
    by_redis.complete_occasion("appointment", "visit 9")
    assert drain(server, db) == 5
    moved, ill = occasions(db)
    assert (moved["at"], moved["status"], moved["producer"]) == (at + timedelta(days=1), "open", "clinic")
    assert (ill["status"], ill["reason"]) == ("cancelled", "ill")
    assert {r["occasion_id"] for r in reminders(db, state="waiting")} == {moved["id"]}


def test_what_is_wrong_is_said_in_the_callers_hands(by_redis: Client) -> None:
    def save(match: str, kind: str = "appointment", **other: Any) -> None:
        with pytest.raises(Invalid, match=match):
            by_redis.save_occasion(kind, "visit 7", **{"at": noon(), **APPOINTMENT} | other)

    save("kind: must be one of appointment", kind="birthday")
    save("to:", to="12")
    save("zone: is not the name of a time zone", zone="Asia/Kolkatta")
    save("zone: is not known for this lane", lane="north")
    save(r"appointment\.doctor: is missing; this kind needs doctor, date", parameters={})
    save(r"appointment\.doktor: is no parameter here", parameters={**VISIT, "doktor": "Rao"})
    save(r"appointment_reminder\.doctor", parameters={**VISIT, "doctor": ""})
    save("at: must be a time", at="tomorrow")
    save("version", version=-1)
    with pytest.raises(Invalid, match="kind: must be one of"):
        by_redis.cancel_occasion("birthday", "visit 7")


def test_a_naive_time_is_local_to_the_lane_or_to_the_zone_that_is_named(
    by_redis: Client, server: ValkeyServer, db: Database
) -> None:
    naive = datetime(2031, 3, 9, 2, 30)
    by_redis.save_occasion("appointment", "a", at=naive, **APPOINTMENT)
    by_redis.save_occasion("appointment", "b", at=naive, zone="America/New_York", **APPOINTMENT)
    drain(server, db)
    assert [o["at"].isoformat() for o in occasions(db)] == ["2031-03-08T21:00:00+00:00", "2031-03-09T07:00:00+00:00"]


def test_an_occasion_that_is_no_occasion_stops_no_other(by_redis: Client, server: ValkeyServer, db: Database) -> None:
    with connect(server.url, seconds=2) as redis:
        Intake(redis).append("save-occasion", ["no", "{}", '{"to": 7}'])
    by_redis.save_occasion("appointment", "visit 7", at=noon(), **APPOINTMENT)
    assert drain(server, db) == 1


def test_where_no_worker_has_laid_the_rules_the_next_step_is_named(redis_server: ValkeyServer) -> None:
    with connect(redis_server.url, seconds=2) as redis:
        PublishedStore(redis).publish(PLAN.catalogue)
    with Client(redis_server.url) as client, pytest.raises(NotFound, match="pass reminders="):
        client.save_occasion("appointment", "visit 7", at=noon(), **APPOINTMENT)


# By the ledger


def test_with_the_database_the_answer_says_what_became_of_it(by_ledger: Client, db: Database) -> None:
    at = noon()
    assert by_ledger.save_occasion("appointment", "v", at=at, version=2, **APPOINTMENT) == Change.CREATED
    assert by_ledger.save_occasion("appointment", "v", at=at, version=2, **APPOINTMENT) == Change.UNCHANGED
    assert by_ledger.save_occasion("appointment", "v", at=noon(9), version=1, **APPOINTMENT) == Change.OUTDATED
    with pytest.raises(Conflict):
        by_ledger.save_occasion("appointment", "v", at=noon(9), version=2, **APPOINTMENT)
    assert by_ledger.complete_occasion("appointment", "v", version=3) == Change.CHANGED
    with pytest.raises(NotFound):
        by_ledger.cancel_occasion("appointment", "w")
    assert {r["state"] for r in reminders(db)} == {"cancelled"}


def test_a_client_without_redis_is_given_the_rules(db: Database) -> None:
    url = db.url.render_as_string(hide_password=False)
    with Client(database_url=url) as client, pytest.raises(Invalid, match="reminders=Path"):
        client.save_occasion("appointment", "v", at=noon(), **APPOINTMENT)
    rules, catalogue = CONFIG / "reminders.toml", CONFIG / "templates.toml"
    with Client(database_url=url, catalogue=catalogue, reminders=rules) as client:
        with pytest.raises(Invalid, match="zone: is not known"):
            client.save_occasion("appointment", "v", at=noon(), **APPOINTMENT)
        assert client.save_occasion("appointment", "v", at=noon(), zone="Asia/Kolkata", **APPOINTMENT) == Change.CREATED


# By task


def test_a_shop_that_calls_tasks_by_name_is_heard(db: Database, server: ValkeyServer) -> None:
    said = {"at": "2031-03-09T10:30", "to": "+919876500001", "parameters": VISIT}
    assert called(db, server, "save", **said, version=2) == ""
    assert called(db, server, "save", **said, version=2) == ""
    assert occasions(db)[0]["at"].isoformat() == "2031-03-09T05:00:00+00:00"
    assert called(db, server, "cancel", version=1) == ""
    assert {r["state"] for r in reminders(db)} == {"waiting"}
    assert called(db, server, "complete", reason="kept") == ""
    assert {r["reason"] for r in reminders(db)} == {"Its appointment was completed: kept."}


def test_a_task_that_is_wrong_fails_with_the_reason_and_shows_nobody_its_arguments(
    db: Database, server: ValkeyServer
) -> None:
    assert "Invalid: at: is missing" in called(db, server, "save", to="+919876500001")
    assert "Invalid: action: must be save" in called(db, server, "stop")
    assert "NotFound: no appointment" in called(db, server, "cancel")
    script = (
        "from tasks.occasion import occasion; print(occasion.Request, occasion.app.conf.task_routes[occasion.name])"
    )
    assert run(db, server, script).stdout == "tasks.accept:ConfidentialRequest {'queue': 'harkara.accept'}\n"


def called(db: Database, server: ValkeyServer, action: str, **said: Any) -> str:
    """The error, if there is one."""
    words = json.dumps([[action, "appointment", "visit 7"], said])
    script = (
        f"import json; from tasks.occasion import occasion; args, said = json.loads({words!r}); occasion(*args, **said)"
    )
    return run(db, server, script).stderr


def run(db: Database, server: ValkeyServer, script: str) -> subprocess.CompletedProcess[str]:
    url = db.url.render_as_string(hide_password=False)
    environment = {"HARKARA_DATABASE_URL": url, "HARKARA_REDIS_URL": server.url, "CHATMITRA_API_TOKEN": "secret"}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


# To Chat Mitra


def test_a_reminder_goes_out_at_its_hour_and_once(db: Database, sandbox: Sandbox, sender: Sender) -> None:
    say(db, visit())
    sender.send([due(db, "-2h")] * 2)
    assert [(r["rule"], r["state"]) for r in reminders(db)] == [("-24h", "waiting"), ("-2h", "accepted")]
    assert posts(sandbox) == 1


@pytest.mark.parametrize(
    "step", [over(), over("completed"), visit(at=noon(9)), visit(parameters={**VISIT, "place": "X"})]
)
def test_what_changes_while_the_hint_lies_in_redis_is_not_sent_with_old_words(
    db: Database, sandbox: Sandbox, sender: Sender, step: Any
) -> None:
    say(db, visit())
    identity = due(db, "-2h")
    assert dispatch_all(db) == [identity]
    say(db, step)
    sender.send([identity])
    assert posts(sandbox) == 0
    assert [r["code"] for r in reminders(db, "-2h", "cancelled")] == ["superseded"]


@pytest.mark.parametrize(
    "step", [over(), over("completed"), visit(at=noon(9)), visit(parameters={**VISIT, "place": "X"})]
)
@pytest.mark.parametrize("moment", ["K1", "K2"])
def test_what_changes_in_a_workers_hands_is_not_sent_unless_it_is_being_posted(
    db: Database, sandbox: Sandbox, server: ValkeyServer, step: Any, moment: str
) -> None:
    sandbox.reset()
    say(db, visit())

    def checkpoint(name: str) -> None:
        if name == moment:
            say(db, step)

    with running_sender(db, sandbox, server.url, checkpoint=checkpoint) as one:
        one.send([due(db, "-2h")])
    assert posts(sandbox) == (moment == "K2"), "its attempt is committed at K2"
    assert len(reminders(db, "-2h", "accepted")) == (moment == "K2")


def test_after_six_hours_without_workers_what_still_helps_goes_once(
    db: Database, sandbox: Sandbox, sender: Sender
) -> None:
    soon, missed, tomorrow = visit("soon", at=noon(5)), visit("missed", at=noon(4)), visit("tomorrow", at=noon(6))
    say(db, soon, missed, tomorrow)
    # An hour is left until the first; the second began 23 hours ago; the third is 25 hours away.
    shift(db, noon(5) - datetime.now(UTC) - timedelta(hours=1))
    playbook = Playbook.load(CONFIG / "playbook.toml")
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: sweep(db, playbook.after_crash, retention_seconds=None), range(2)))
        hinted = list(threads.map(lambda _: dispatch_all(db), range(2)))
    for ids in hinted:
        sender.send(ids)
    assert posts(sandbox) == 1
    (sent,) = reminders(db, state="accepted")
    assert sent["rule"] == "-2h"
    expired = reminders(db, state="cancelled")
    assert {r["code"] for r in expired} == {"expired"}
    assert len(expired) == 3
    assert [r["rule"] for r in reminders(db, state="waiting")] == ["-24h", "-2h"]
