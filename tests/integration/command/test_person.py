"""`harkara person`: export and erase what the ledger knows about one person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harkara.backends.broker import ACCEPT, Broker
from harkara.intake.producer import STREAM
from harkara.ledger.database import Database
from harkara.redis_client import connect
from harkara.task_elements import task_element
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until
from tests.integration.command.deployment import NUMBER, Harkara, listed, store


@pytest.fixture
def redis_server() -> Iterator[ValkeyServer]:
    """It has an append-only file from the start: one that is asked for later is there only after a first rewrite."""
    with valkey(appendonly="yes") as server:
        yield server


@pytest.fixture
def environment(environment: dict[str, str], redis_server: ValkeyServer) -> dict[str, str]:
    """A deployment with a Redis and a key for erasures."""
    return environment | {"HARKARA_REDIS_URL": redis_server.url, "HARKARA_ERASURE_KEY": "k" * 32}


def test_an_erasure_is_counted_first_and_writes_a_receipt_once_it_is_confirmed(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    store(ledger)
    planned = harkara("person", "erase", "98765 43210")
    assert planned.stdout == "Rows about this person: message 1\n"
    assert "Nothing was erased" in planned.stderr
    assert NUMBER in harkara("person", "export", NUMBER).stdout
    file = tmp_path / "receipt.json"
    assert harkara("person", "erase", NUMBER, "--yes", "--by", "Asha", "--out", str(file)).exit_code == 0
    receipt = json.loads(file.read_text())
    assert (receipt["by"], receipt["cancelled"], receipt["rows"]) == ("Asha", 1, {"message": 1})
    assert receipt["storage"] == {"database": "clean", "redis": "rewrites its append-only file"}
    assert file.stat().st_mode & 0o077 == 0
    assert harkara("person", "export", NUMBER).exit_code == 3
    assert len(listed(ledger)) == 1


def test_an_existing_file_is_not_replaced(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    store(ledger)
    file = tmp_path / "person.json"
    file.write_text("other")
    assert harkara("person", "export", NUMBER, "--out", str(file)).exit_code == 4
    assert file.read_text() == "other"


def test_nothing_is_erased_while_redis_has_a_call_about_the_person(
    harkara: Harkara, ledger: Database, redis_server: ValkeyServer
) -> None:
    store(ledger)
    redis = connect(redis_server.url, seconds=30)
    redis.xadd(STREAM, {"verb": "send", "data": json.dumps({"to": NUMBER})})
    refused = harkara("person", "erase", NUMBER, "--yes")
    assert (refused.exit_code, "not in the ledger yet" in refused.stderr) == (4, True)
    redis.delete(STREAM)
    Broker(redis).push(ACCEPT, task_element("harkara.accept", ACCEPT, [{"to": NUMBER}]))
    assert harkara("person", "erase", NUMBER, "--yes").exit_code == 4
    assert NUMBER in harkara("person", "export", NUMBER).stdout
    redis.delete(ACCEPT)
    assert files_with_number(redis_server)
    assert harkara("person", "erase", NUMBER, "--yes").exit_code == 0
    wait_until(lambda: not files_with_number(redis_server), 60, "the append-only file is written anew")
    redis.close()


def test_an_erasure_without_a_key_is_refused(harkara: Harkara, ledger: Database, environment: dict[str, str]) -> None:
    store(ledger)
    del environment["HARKARA_ERASURE_KEY"]
    refused = harkara("person", "erase", NUMBER, "--yes")
    assert (refused.exit_code, "HARKARA_ERASURE_KEY: is not set" in refused.stderr) == (4, True)


def files_with_number(server: ValkeyServer) -> list[str]:
    found = []
    for file in server.dir.rglob("*.aof"):
        with suppress(FileNotFoundError):  # the server replaces its files
            found += [file.name] if NUMBER.encode() in file.read_bytes() else []
    return found
