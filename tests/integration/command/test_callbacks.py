"""`harkara callbacks`: list callbacks that are not delivered, and retry them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from harkara.ledger.callbacks.notify import notify
from harkara.ledger.callbacks.outbox import Dead, Delivered, DeliveryResult, Failed, claim, record_results
from harkara.ledger.database import Database
from harkara.outcomes import Refused
from harness.ledger import open_ledger
from tests.integration.command.deployment import Harkara, attempted, store

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(autouse=True)
def callback_settings(environment: dict[str, str]) -> None:
    environment["HARKARA_CALLBACK_URL"] = "https://app.example.com/events"
    environment["HARKARA_CALLBACK_SECRET"] = SECRET


@pytest.fixture
def ledger(environment: dict[str, str]) -> Iterator[Database]:
    with open_ledger(environment["HARKARA_DATABASE_URL"], callbacks_enabled=True) as db:
        yield db


def callback(db: Database, verdict: DeliveryResult | None = None) -> str:
    """A callback that ended so; returns its id."""
    with db.write() as tx:
        notify(tx, "message.received", "default", "evt_1", {"from": "919876543210", "text": "On my way"})
    (notice,) = claim(db, 10, 0.0 if verdict is None else 60.0)
    if verdict is not None:
        record_results(db, [(notice, verdict)])
    return notice.id


def test_the_list_shows_waiting_and_dead_callbacks_with_the_reason(harkara: Harkara, ledger: Database) -> None:
    callback(ledger, Delivered(200))
    waiting = callback(ledger, Failed("HTTP 500", 500, 600))
    dead = callback(ledger, Dead("HTTP 410: the application wants it no more", 410))
    result = harkara("callbacks", "list", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["waiting"], found["dead"]) == (0, 1, 1)
    shown = [(each["id"], each["state"], each["tries"], each["status"]) for each in found["callbacks"]]
    assert shown == [(waiting, "waiting", 1, 500), (dead, "dead", 1, 410)]
    words = harkara("callbacks", "list").stdout
    assert words.startswith("1 waiting, 1 dead\n")
    assert "HTTP 500" in words
    assert "HTTP 410" in words
    assert "HTTP 410" not in harkara("callbacks", "list", "--state", "waiting").stdout


def test_the_list_shows_no_data_of_a_callback(harkara: Harkara, ledger: Database) -> None:
    callback(ledger, Dead("HTTP 410", 410))
    for options in ((), ("--json",)):
        shown = harkara("callbacks", "list", *options).output
        assert "919876543210" not in shown
        assert "On my way" not in shown


def test_a_dead_callback_is_due_again(harkara: Harkara, ledger: Database) -> None:
    dead = callback(ledger, Dead("HTTP 410", 410))
    result = harkara("callbacks", "retry", dead, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"retried": 1})
    assert [notice.id for notice in claim(ledger, 10, 60)] == [dead]


def test_all_dead_callbacks_are_due_again(harkara: Harkara, ledger: Database) -> None:
    dead = [callback(ledger, Dead("HTTP 410", 410)) for _ in range(2)]
    result = harkara("callbacks", "retry", "--dead")
    assert (result.exit_code, result.stdout) == (0, "Retried: 2\n")
    assert [notice.id for notice in claim(ledger, 10, 60)] == dead


def test_an_unknown_callback_exits_with_3_and_a_deleted_one_with_4(harkara: Harkara, ledger: Database) -> None:
    delivered = callback(ledger, Delivered(200))
    unknown = harkara("callbacks", "retry", "msg_unknown")
    erased = harkara("callbacks", "retry", delivered, "--json")
    assert (unknown.exit_code, erased.exit_code) == (3, 4)
    assert "harkara callbacks list" in unknown.stderr
    assert "is delivered" in json.loads(erased.stdout)["error"]["message"]


@pytest.mark.parametrize("words", [(), ("msg_1", "--dead")])
def test_ids_and_all_dead_exclude_each_other(harkara: Harkara, ledger: Database, words: tuple[str, ...]) -> None:
    assert harkara("callbacks", "retry", *words).exit_code == 2


def test_without_a_url_the_command_warns_that_no_callback_is_delivered(
    harkara: Harkara, ledger: Database, environment: dict[str, str]
) -> None:
    dead = callback(ledger, Dead("HTTP 410", 410))
    del environment["HARKARA_CALLBACK_URL"]
    assert "HARKARA_CALLBACK_URL" in harkara("callbacks", "retry", dead).stderr


def test_a_decision_by_command_is_reported_to_the_application(harkara: Harkara, ledger: Database) -> None:
    waiting = store(ledger)
    attempted(ledger, Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400))
    claim(ledger, 10, 60)
    assert harkara("cancel", waiting).exit_code == 0
    (notice,) = claim(ledger, 10, 60)
    assert (notice.kind, notice.data["id"]) == ("message.cancelled", waiting)


def test_the_doctor_checks_callbacks(harkara: Harkara, ledger: Database, environment: dict[str, str]) -> None:
    callback(ledger, Failed("HTTP 500", 500, 600))
    assert diagnosis(harkara) == (True, "1 waiting, 0 dead")
    callback(ledger, Dead("HTTP 410", 410))
    assert diagnosis(harkara) == (False, "1 waiting, 1 dead: `harkara callbacks list` shows the reasons")
    environment["HARKARA_CALLBACK_URL"] = "http://app.example.com/events"
    well, found = diagnosis(harkara)
    assert not well
    assert "must begin with https://" in found


def diagnosis(harkara: Harkara) -> tuple[bool, str]:
    checks = json.loads(harkara("doctor", "--json").stdout)["checks"]
    return next((check["well"], check["found"]) for check in checks if check["check"] == "callbacks")
