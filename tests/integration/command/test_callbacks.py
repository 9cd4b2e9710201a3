"""`harkara callbacks`: what the application was not told, and another try."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from harkara.ledger import migrate
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.callbacks.outbox import Dead, Delivered, DeliveryResult, Failed, claim, record_results
from harkara.ledger.database import Database
from harkara.outcomes import Refused
from tests.integration.command.deployment import Harkara, attempted, keep

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(autouse=True)
def told(environment: dict[str, str]) -> None:
    environment["HARKARA_CALLBACK_URL"] = "https://app.example.com/hear"
    environment["HARKARA_CALLBACK_SECRET"] = SECRET


@pytest.fixture
def ledger(environment: dict[str, str]) -> Iterator[Database]:
    db = Database(environment["HARKARA_DATABASE_URL"], callbacks_enabled=True)
    migrate.upgrade(db)
    yield db
    db.close()


def callback(db: Database, verdict: DeliveryResult | None = None) -> str:
    """A callback that ended so; returns its id."""
    with db.write() as tx:
        notify(tx, "message.received", "default", "evt_1", {"from": "919876543210", "text": "On my way"})
    (notice,) = claim(db, 10, 0.0 if verdict is None else 60.0)
    if verdict is not None:
        record_results(db, [(notice, verdict)])
    return notice.id


def test_the_list_shows_what_waits_and_what_is_dead_with_the_reason(harkara: Harkara, ledger: Database) -> None:
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


def test_the_list_shows_nothing_of_what_is_told(harkara: Harkara, ledger: Database) -> None:
    callback(ledger, Dead("HTTP 410", 410))
    for options in ((), ("--json",)):
        shown = harkara("callbacks", "list", *options).output
        assert "919876543210" not in shown
        assert "On my way" not in shown


def test_a_dead_one_is_due_again(harkara: Harkara, ledger: Database) -> None:
    dead = callback(ledger, Dead("HTTP 410", 410))
    result = harkara("callbacks", "retry", dead, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"retried": 1})
    assert [notice.id for notice in claim(ledger, 10, 60)] == [dead]


def test_all_that_are_dead_are_due_again(harkara: Harkara, ledger: Database) -> None:
    dead = [callback(ledger, Dead("HTTP 410", 410)) for _ in range(2)]
    result = harkara("callbacks", "retry", "--dead")
    assert (result.exit_code, result.stdout) == (0, "Tried again: 2\n")
    assert [notice.id for notice in claim(ledger, 10, 60)] == dead


def test_what_is_not_known_ends_with_3_and_what_is_erased_with_4(harkara: Harkara, ledger: Database) -> None:
    delivered = callback(ledger, Delivered(200))
    unknown = harkara("callbacks", "retry", "msg_unknown")
    erased = harkara("callbacks", "retry", delivered, "--json")
    assert (unknown.exit_code, erased.exit_code) == (3, 4)
    assert "harkara callbacks list" in unknown.stderr
    assert "is delivered" in json.loads(erased.stdout)["error"]["message"]


@pytest.mark.parametrize("words", [(), ("msg_1", "--dead")])
def test_ids_or_all_that_are_dead_but_not_both(harkara: Harkara, ledger: Database, words: tuple[str, ...]) -> None:
    assert harkara("callbacks", "retry", *words).exit_code == 2


def test_without_a_url_the_command_says_that_nobody_is_told(
    harkara: Harkara, ledger: Database, environment: dict[str, str]
) -> None:
    dead = callback(ledger, Dead("HTTP 410", 410))
    del environment["HARKARA_CALLBACK_URL"]
    assert "HARKARA_CALLBACK_URL" in harkara("callbacks", "retry", dead).stderr


def test_what_a_person_decides_by_command_is_told(harkara: Harkara, ledger: Database) -> None:
    waiting = keep(ledger)
    attempted(ledger, Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400))
    claim(ledger, 10, 60)
    assert harkara("cancel", waiting).exit_code == 0
    (notice,) = claim(ledger, 10, 60)
    assert (notice.kind, notice.data["id"]) == ("message.cancelled", waiting)


def test_the_doctor_looks_at_them(harkara: Harkara, ledger: Database, environment: dict[str, str]) -> None:
    callback(ledger, Failed("HTTP 500", 500, 600))
    assert diagnosis(harkara) == (True, "1 waiting, 0 dead")
    callback(ledger, Dead("HTTP 410", 410))
    assert diagnosis(harkara) == (False, "1 waiting, 1 dead: `harkara callbacks list` says why")
    environment["HARKARA_CALLBACK_URL"] = "http://app.example.com/hear"
    well, found = diagnosis(harkara)
    assert not well
    assert "must begin with https://" in found


def diagnosis(harkara: Harkara) -> tuple[bool, str]:
    checks = json.loads(harkara("doctor", "--json").stdout)["checks"]
    return next((check["well"], check["found"]) for check in checks if check["check"] == "callbacks")
