"""Callbacks are delivered until the application accepts them, by one worker at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
import time_machine
from sqlalchemy import update

from harkara.callbacks.delivery import CallbackDelivery
from harkara.callbacks.endpoint import Endpoint
from harkara.ledger.callbacks.dead_callbacks import count_callbacks
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.database import Database
from harkara.ledger.tables import callback
from harkara.ledger.transaction import Row
from harness.ledger import migrated, reopened
from harness.waiting import wait_until
from tests.integration.callbacks.application import SECRET, Application, listening
from tests.integration.ledger.steps import reply, send_message

DATA = {"id": "evt_1", "text": "नमस्ते"}


@pytest.fixture
def db(db: Database) -> Iterator[Database]:
    """The empty ledger, as a deployment with a callback URL opens it."""
    with reopened(db.url.render_as_string(hide_password=False), callbacks_enabled=True) as database:
        yield database


def delivery_to(url: str, db: Database, counted: Counter[str] | None = None) -> CallbackDelivery:
    counter = Counter[str]() if counted is None else counted
    return CallbackDelivery(db, Endpoint(url, SECRET, private=True), on_results=counter.update)


def add_callbacks(db: Database, number: int = 1) -> None:
    with db.write() as tx:
        for n in range(number):
            notify(tx, "message.received", "default", f"evt_{n}", DATA)


def age_callbacks(db: Database, seconds: float) -> None:
    """Move the times of all callbacks into the past."""
    with db.write() as tx:
        for row in tx.rows(callback.select()):
            past = {name: row[name] - timedelta(seconds=seconds) for name in ("due_at", "expires_at", "created_at")}
            tx.execute(update(callback).where(callback.c.id == row["id"]).values(**past))


def database_now(db: Database) -> datetime:
    with db.read() as tx:
        return tx.now


def callback_rows(db: Database) -> list[Row]:
    with db.read() as tx:
        return tx.rows(callback.select().order_by(callback.c.id))


def test_the_application_gets_callbacks_that_it_can_verify(db: Database) -> None:
    message_id = send_message(db, reply(reference="order-1042"))
    add_callbacks(db)
    counted: Counter[str] = Counter()
    with listening(Application()) as application:
        assert delivery_to(application.url, db, counted).round() == Counter(delivered=2)
    state, received = sorted(application.payloads, key=lambda each: str(each["type"]))
    assert (state["type"], state["data"]["id"], state["data"]["state"]) == ("message.accepted", message_id, "accepted")
    assert (received["type"], received["data"]) == ("message.received", DATA)
    assert all(datetime.fromisoformat(each["timestamp"]).utcoffset() == timedelta(0) for each in application.payloads)
    assert application.refused == 0
    assert {each["path"] for each in application.headers} == {"/callbacks?from=harkara"}
    assert {each["host"] for each in application.headers} == {f"127.0.0.1:{application.port}"}
    assert [(row["state"], row["data"]) for row in callback_rows(db)] == [("delivered", None)] * 2
    assert counted == Counter(delivered=2)


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_a_callback_is_signed_at_the_databases_time(db: Database, ahead: float) -> None:
    """The application refuses a signature whose time is five minutes away from its own (Standard Webhooks)."""
    add_callbacks(db)
    now = database_now(db).timestamp()
    with listening(Application()) as application, time_machine.travel(time.time() + ahead, tick=True):
        delivery_to(application.url, db).round()
    (headers,) = application.headers
    assert now - 1 < int(headers["webhook-timestamp"]) < now + 30


def test_a_failed_callback_is_retried_under_the_same_id_with_growing_delays(db: Database) -> None:
    add_callbacks(db)
    delays = []
    with listening(Application(lambda n: (500, {}) if n < 4 else (200, {}))) as application:
        for expected in (5, 30, 120):
            assert delivery_to(application.url, db).round() == Counter(failed=1)
            (row,) = callback_rows(db)
            delays.append((row["due_at"] - database_now(db)).total_seconds() / expected)
            assert (row["reason"], row["status"]) == ("HTTP 500", 500)
            assert delivery_to(application.url, db).round() == Counter()
            age_callbacks(db, expected * 1.3)
        assert delivery_to(application.url, db).round() == Counter(delivered=1)
    assert len(application.ids) == 4
    assert len(set(application.ids)) == 1
    assert len({each["data"]["id"] for each in application.payloads}) == 1
    assert all(0.8 <= delay < 1.3 for delay in delays)


def test_a_callback_is_dead_after_a_day_and_keeps_its_data(db: Database) -> None:
    add_callbacks(db)
    age_callbacks(db, 86_400 - 3)
    counted: Counter[str] = Counter()
    with listening(Application(lambda _: (500, {}))) as application:
        assert delivery_to(application.url, db, counted).round() == Counter(dead=1)
    (row,) = callback_rows(db)
    assert (row["state"], row["reason"], json.loads(row["data"])) == ("dead", "HTTP 500", DATA)
    assert counted == +Counter(count_callbacks(db)) == Counter(dead=1)


def test_http_410_makes_a_callback_dead_at_once(db: Database) -> None:
    add_callbacks(db)
    with listening(Application(lambda _: (410, {}))) as application:
        assert delivery_to(application.url, db).round() == Counter(dead=1)


def test_a_redirect_is_not_followed(db: Database) -> None:
    add_callbacks(db)
    with listening(Application()) as other:
        location = {"Location": other.url}
        with listening(Application(lambda _: (307, location))) as application:
            assert delivery_to(application.url, db).round() == Counter(failed=1)
    assert other.ids == []
    assert callback_rows(db)[0]["reason"] == "HTTP 307: redirects are not followed"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_pauses_all_callbacks(db: Database, status: int) -> None:
    add_callbacks(db, 3)
    with listening(Application(lambda _: (status, {"Retry-After": "900"}), delay=0.05)) as application:
        delivery = delivery_to(application.url, db)
        delivery.round()
        requests = len(application.ids)
        add_callbacks(db)
        assert delivery.round() == Counter()
        assert len(application.ids) == requests
    delays = [(row["due_at"] - row["created_at"]).total_seconds() for row in callback_rows(db) if row["tries"]]
    assert all(delay >= 900 for delay in delays)


def test_a_slow_application_gets_at_most_eight_requests_at_once(db: Database) -> None:
    add_callbacks(db, 20)
    with listening(Application(delay=0.1)) as application:
        assert delivery_to(application.url, db).round() == Counter(delivered=20)
    assert 1 < application.most_at_once <= 8


def test_a_failing_application_is_probed_by_one_callback_and_recovers(db: Database) -> None:
    add_callbacks(db, 100)
    with listening(Application(lambda _: (500, {}))) as application:
        delivery = delivery_to(application.url, db)
        assert delivery.round().total() <= 11  # three failures in a row, and the requests in progress beside them
        before = len(application.ids)
        assert delivery.round() == Counter()
        wait_until(lambda: delivery.round().total() > 0, 60, "a probe")
        assert len(application.ids) == before + 1
        assert [row["state"] for row in callback_rows(db)] == ["waiting"] * 100
        assert sum(row["tries"] for row in callback_rows(db)) == before + 1
        application.respond = lambda _: (204, {})
        age_callbacks(db, 60)
        wait_until(lambda: delivery.round().total() == 100, 60, "all callbacks in one round")
    assert count_callbacks(db) == {"waiting": 0, "dead": 0}
    assert sorted(set(application.ids)) == [row["id"] for row in callback_rows(db)]


def test_one_refused_callback_delays_no_other(db: Database) -> None:
    add_callbacks(db, 30)
    with listening(Application(lambda n: (400, {}) if n == 2 else (200, {}))) as application:
        assert delivery_to(application.url, db).round() == Counter(delivered=29, failed=1)


def test_two_workers_at_once_deliver_each_callback_once(db: Database) -> None:
    add_callbacks(db, 60)
    with listening(Application(delay=0.01)) as application, ThreadPoolExecutor(2) as workers:
        results = workers.map(lambda _: delivery_to(application.url, db).round(), range(2))
        assert sum((each for each in results), Counter()) == Counter(delivered=60)
    assert Counter(application.ids) == Counter(row["id"] for row in callback_rows(db))


def test_a_stopped_worker_leaves_the_rest_to_the_next(db: Database) -> None:
    add_callbacks(db, 30)
    began = Event()

    def respond(_: int) -> tuple[int, dict[str, str]]:
        began.set()
        return 200, {}

    with listening(Application(respond, delay=0.2)) as application, ThreadPoolExecutor(1) as worker:
        stopped = delivery_to(application.url, db)
        first_round = worker.submit(stopped.round)
        assert began.wait(60)
        stopped.stop()
        assert first_round.result().total() < 30
        assert delivery_to(application.url, db).round().total() + first_round.result().total() == 30
    assert len(application.ids) == 30


def test_the_callback_of_a_killed_worker_is_delivered_after_its_lease(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'harkara.db'}"
    db = Database(migrated(url), callbacks_enabled=True)
    add_callbacks(db)
    began, killed = Event(), Event()

    def respond(_: int) -> tuple[int, dict[str, str]]:
        began.set()
        killed.wait(60)
        return 204, {}

    with listening(Application(respond)) as application:
        script = (
            "from harkara.callbacks.delivery import CallbackDelivery\n"
            "from harkara.callbacks.endpoint import Endpoint\n"
            "from harkara.ledger.database import Database\n"
            f"endpoint = Endpoint({application.url!r}, {SECRET!r}, private=True)\n"
            f"CallbackDelivery(Database({url!r}), endpoint, on_results=print).round()"
        )
        worker = subprocess.Popen([sys.executable, "-c", script])
        try:
            assert began.wait(60)
        finally:
            worker.kill()
            worker.wait()
            killed.set()
        assert delivery_to(application.url, db).round() == Counter()
        age_callbacks(db, 61)
        assert delivery_to(application.url, db).round() == Counter(delivered=1)
    assert Counter(application.ids) == Counter({callback_rows(db)[0]["id"]: 2})
    db.close()


def test_a_blocked_callback_waits_with_the_reason_and_counts_no_try(db: Database) -> None:
    add_callbacks(db, 3)
    blocked = Endpoint("https://app.example.com/", SECRET, resolve=lambda *_: ["10.0.0.7"])
    delivery = CallbackDelivery(db, blocked, on_results=Counter[str]().update)
    age_callbacks(db, 2 * 86_400)
    assert delivery.round() == Counter()
    rows = callback_rows(db)
    assert {(row["state"], row["tries"]) for row in rows} == {("waiting", 0)}
    assert any("HARKARA_CALLBACK_PRIVATE" in (row["reason"] or "") for row in rows)
    assert delivery.round() == Counter()
