"""Reminders from the ledger to Chat Mitra, and what a change of the occasion stops."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from harkara.delivery.sender import Sender
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.sweep import sweep
from harkara.occasions import OccasionUpdate
from harkara.playbook import Playbook
from harness.valkey import ValkeyServer
from tests.integration.delivery.running import posts, running_sender
from tests.integration.ledger.occasions import CONFIG, VISIT, closing, move_into_past, noon, reminder_rows, save, visit
from tests.integration.ledger.steps import dispatch_all, update_message
from tests.integration.sandbox.process import Sandbox

CHANGES = [
    closing(),
    closing("completed"),
    closing("no-show"),
    visit(at=noon(9)),
    visit(parameters={**VISIT, "place": "X"}),
]


@pytest.fixture(autouse=True)
def _audited(db: Database) -> Iterator[None]:
    """Audit the ledger after each test."""
    yield
    assert audit(db).findings == []


@pytest.fixture
def sender(db: Database, sandbox: Sandbox, valkey_server: ValkeyServer) -> Iterator[Sender]:
    with running_sender(db, sandbox, valkey_server.url) as running:
        yield running


def test_a_due_reminder_is_sent_once(db: Database, sandbox: Sandbox, sender: Sender) -> None:
    save(db, visit())
    sender.send([make_due(db, "-2h")] * 2)
    assert [(r["rule"], r["state"]) for r in reminder_rows(db)] == [("-24h", "waiting"), ("-2h", "accepted")]
    assert posts(sandbox) == 1


@pytest.mark.parametrize("update", CHANGES)
def test_a_change_after_the_hint_stops_the_old_reminder(
    db: Database, sandbox: Sandbox, sender: Sender, update: OccasionUpdate
) -> None:
    save(db, visit())
    identity = make_due(db, "-2h")
    assert dispatch_all(db) == [identity]
    save(db, update)
    sender.send([identity])
    assert posts(sandbox) == 0
    assert [r["code"] for r in reminder_rows(db, "-2h", "cancelled")] == ["superseded"]


@pytest.mark.parametrize("update", CHANGES)
@pytest.mark.parametrize("moment", ["K1", "K2"])
def test_a_change_after_the_claim_stops_the_old_reminder_before_its_attempt(
    db: Database, sandbox: Sandbox, valkey_server: ValkeyServer, update: OccasionUpdate, moment: str
) -> None:
    save(db, visit())

    def checkpoint(name: str) -> None:
        if name == moment:
            save(db, update)

    with running_sender(db, sandbox, valkey_server.url, checkpoint=checkpoint) as one:
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
        list(threads.map(lambda _: sweep(db, playbook.after_crash), range(2)))
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


def make_due(db: Database, rule: str) -> str:
    """Make the waiting reminder of the rule due, and return its id."""
    (reminder,) = reminder_rows(db, rule, "waiting")
    update_message(db, reminder["id"], due_at=datetime.now(UTC) - timedelta(seconds=5))
    return str(reminder["id"])
