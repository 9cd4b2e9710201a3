"""The page Health: what it shows to each user, and that its acts are those of the command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from harkara.backends.broker import Broker
from harkara.health.sources import Setting, Sources
from harkara.ledger.alarms.alarms import list_alarms
from harkara.ledger.audit_runs import run_requested
from harkara.ledger.callbacks.dead_callbacks import count_callbacks, list_callbacks
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.callbacks.outbox import Dead, Delivered, claim, record_results
from harkara.ledger.database import Database
from harkara.ledger.halts import park
from harkara.ledger.leases import mark_done
from harkara.ledger.tables import event
from harkara.ledger.users.acts import list_acts
from harkara.redis_client import connect
from harkara.roles import Role
from harness.ledger import open_ledger
from harness.valkey import valkey
from tests.integration.command.deployment import store
from tests.integration.console.server import Browser, Server, console_of, serve, text_of
from tests.integration.ledger.alarms import measured, open_one, wait_minutes

SETTINGS = [Setting("HARKARA_PORT", "8000", "Port that the HTTP API listens on", False)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file: Path = tmp_path_factory.mktemp("health") / "harkara.db"
    with valkey() as redis, open_ledger(f"sqlite:///{file}", callbacks_enabled=True) as db:
        sources = Sources(
            lambda: connect(redis.url, seconds=1),
            lambda: {"harkara.send": 3, "webhooks": 0},
            lambda: SETTINGS,
            callbacks=True,
        )
        with serve(console_of(db, health=sources)) as server:
            yield server


def dead_callback(db: Database, lane: str = "default") -> str:
    with db.write() as tx:
        notify(tx, "message.received", lane, "evt_1", {"from": "919876543210", "text": "On my way"})
    claimed = claim(db, 10, 60.0)
    (ours,) = [each for each in claimed if each.kind == "message.received"]
    refused = Dead("HTTP 410 for 919876543210", 410)
    record_results(db, [(each, refused if each is ours else Delivered(200)) for each in claimed])
    return ours.id


def acts_of(db: Database) -> list[tuple[str, str, str, int | None]]:
    return [(act.name, act.act, act.subject, act.number) for act in list_acts(db)]


def test_hindi_pages_translate_the_reason_of_a_halt_and_keep_the_command(
    users: dict[Role, Browser], db: Database
) -> None:
    reason = "There are no credits left: buy credits in the Chat Mitra dashboard, then unpark the lane."
    park(db, "shop", reason)
    hindi = text_of(users[Role.VIEWER].see("/health", **{"Accept-Language": "hi"}))
    advice = "क्रेडिट ख़त्म हो गए हैं: Chat Mitra के डैशबोर्ड में क्रेडिट ख़रीदें, फिर लेन खोलें।"
    assert f"लेन रुकी है (खोले जाने तक): {advice} ( harkara lanes unpark shop से यह ख़त्म होता है)" in hindi


def test_it_says_what_is_wrong_and_what_to_do(users: dict[Role, Browser], db: Database, running: Server) -> None:
    park(db, "shop", "Wrong price, says 919876543210.")
    page = users[Role.VIEWER].see("/health")
    words = text_of(page)
    for expected in (
        "lane shop the lane is parked: Wrong price, says 91••••••3210. ( harkara lanes unpark shop ends it)",
        "workers no worker has ever run: run python -m workers.worker",
        "beat no heartbeat was ever received",
        "redis disk set appendonly yes",
        "messages to send 3",
        "No alarm is open.",
        "Waiting for delivery: 1. None has failed.",
    ):
        assert expected in words
    assert "919876543210" not in page.text
    assert "lane shop" not in text_of(running.user("of default", Role.VIEWER, ("default",)).see("/health"))
    for work in ("sweep", "heartbeat"):
        mark_done(db, work, "a worker")
    assert "no worker has ever run" not in text_of(users[Role.VIEWER].see("/health"))


def test_a_redis_that_is_away_is_a_problem_and_the_page_comes_all_the_same(db: Database) -> None:
    away = Sources(lambda: connect("redis://127.0.0.1:1", seconds=1), Broker.at("redis://127.0.0.1:1").queue_depths)
    with serve(console_of(db, health=away)) as server:
        words = text_of(server.user("Away").see("/health"))
    assert "see that it runs at HARKARA_REDIS_URL" in words
    assert "Redis does not answer." in words


def test_webhooks_are_shown_with_those_that_fit_no_message(users: dict[Role, Browser], db: Database) -> None:
    at = datetime.now(UTC)
    for number, state in enumerate(("folded", "folded", "orphan")):
        row = {"lane": "shop", "identity": str(number), "about": "read", "state": state}
        with db.write() as tx:
            tx.execute(insert(event), row | {"at": at, "received_at": at, "due_at": at})
    viewer = users[Role.VIEWER]
    words = text_of(viewer.see("/health"))
    assert re.search(r"shop \d+ \w+ \d{4}, [^ ]+ [AP]M 3 1 ", words)


def test_the_number_of_events_without_a_message_leads_to_them_without_their_values(
    running: Server, users: dict[Role, Browser], db: Database
) -> None:
    at = datetime.now(UTC)
    typed = {"about": "sent", "sender": "919876543210", "body": '{"message": {"text": "On my way"}}'}
    other = {
        "about": "read",
        "sender": None,
        "body": '{"event": "str", "message": [{"id": "wamid.1"}], "919876543211": 1}',
    }
    for number, state in enumerate(("folded", "orphan", "orphan")):
        row = {"lane": "default", "identity": f"listed {number}", "state": state, **(typed if number == 1 else other)}
        with db.write() as tx:
            tx.execute(insert(event), row | {"at": at, "received_at": at, "due_at": at})
    viewer = users[Role.VIEWER]
    (path,) = re.findall(r'href="/console(/health/events\?lane=default)"', viewer.see("/health").text)
    page = viewer.see(path)
    assert [name for name in ("sent", "read") if f"<code>{name}</code>" in page.text] == ["sent", "read"]
    words = text_of(page)
    for expected in (
        "A message to 91••••••3210 that was typed in the dashboard message.text",
        "A message that Harkara did not send event, message.id, 91••••••3211",
    ):
        assert expected in words
    assert not [each for each in ("On my way", "wamid.1", "9198765") if each in page.text]
    assert page.text.count("<tr>") == 3
    limited = running.user("of the other lane", Role.VIEWER, ("shop",))
    assert limited.see("/health/events?lane=default").status_code == 403
    assert "There is none" in text_of(viewer.see(f"{path}&before=1"))


def test_an_operator_acknowledges_an_alarm_of_their_lanes(
    operator: Browser, users: dict[Role, Browser], running: Server, db: Database
) -> None:
    identity = open_one(db)
    assert "9 messages failed in 1 h; the goal is at most 5." in text_of(users[Role.VIEWER].see("/health"))
    assert "/health/acknowledge" not in users[Role.VIEWER].see("/health").text
    of_shop = running.user("of shop", Role.OPERATOR, ("shop",))
    assert "errors (lane default)" not in text_of(of_shop.see("/health"))
    assert of_shop.submit("/health/acknowledge", id=identity).status_code == 409
    operator.see("/health")
    answer = operator.submit("/health/acknowledge", id=identity)
    page = text_of(operator.see(answer.headers["location"].removeprefix("/console")))
    assert "Done: alarm acknowledged." in page
    assert "operator has taken care of it since" in page
    assert list_alarms(db)[0].acknowledged_by == "operator"
    assert acts_of(db)[0] == ("operator", "alarm.acknowledged", "errors (lane default)", None)
    measured(db, 0)
    wait_minutes(db, 6)
    measured(db, 0)
    assert "Closed alarms" in text_of(operator.see("/health"))
    assert "This alarm is closed" in text_of(operator.submit("/health/acknowledge", id=identity))


def test_an_operator_retries_one_callback_or_all_of_their_lanes(
    operator: Browser, users: dict[Role, Browser], running: Server, db: Database
) -> None:
    first, _second, other = dead_callback(db), dead_callback(db), dead_callback(db, "shop")
    page = users[Role.VIEWER].see("/health")
    assert "HTTP 410 for 91••••••3210" in text_of(page)
    assert "919876543210" not in page.text
    assert "/health/retry" not in page.text
    of_default = running.user("of the clinic", Role.OPERATOR, ("default",))
    of_default.see("/health")
    assert of_default.submit("/health/retry", id=other).status_code == 409
    assert of_default.submit("/health/retry", id=first).status_code == 303
    assert acts_of(db)[0] == ("of the clinic", "callbacks.retried", first, 1)
    of_default.submit("/health/retry")
    assert acts_of(db)[0] == ("of the clinic", "callbacks.retried", "all dead callbacks", 1)
    assert [each.id for each in list_callbacks(db, ["dead"], 10)] == [other]
    operator.see("/health")
    operator.submit("/health/retry")
    assert count_callbacks(db)["dead"] == 0


def test_an_admin_runs_the_audit_and_each_user_sees_when(users: dict[Role, Browser], db: Database) -> None:
    admin = users[Role.ADMIN]
    assert "No audit has ended yet." in text_of(admin.see("/health/audit"))
    request_audit_of(admin)
    assert "The audit is requested." in text_of(admin.see("/health/audit"))
    assert "audit.run" not in {act for _, act, _, _ in acts_of(db)}
    run_requested(db, "a worker")
    assert "Clean: 0 messages and 0 attempts keep every rule." in text_of(admin.see("/health/audit"))
    assert acts_of(db)[0] == ("admin", "audit.run", "clean", 0)
    assert re.search("admin ran it last at .*: clean.", text_of(users[Role.VIEWER].see("/health")))
    identity = store(db)
    with db.write() as tx:
        tx.execute(text("UPDATE message SET state = 'accepted'"))
    request_audit_of(admin)
    run_requested(db, "a worker")
    found = text_of(admin.see("/health/audit"))
    assert "Not clean" in found
    assert identity in found


def request_audit_of(admin: Browser) -> None:
    admin.see("/health")
    assert admin.submit("/health/audit").status_code == 303


def test_an_admin_sees_the_settings(users: dict[Role, Browser]) -> None:
    assert "HARKARA_PORT Port that the HTTP API listens on 8000 default" in text_of(
        users[Role.ADMIN].see("/health/settings")
    )
