"""Whether all is well: the audit, the doctor, and what the command says of a deployment that is not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import text

from config.environment import ROOT, process_environment
from harkara.ledger.database import Database
from harkara.ledger.halts import park
from harkara.ledger.identity import current_time, ledger_identity, register
from harkara.outcomes import Uncertain
from harkara.redis_client import connect
from harkara.redis_identity import DATABASE, assign_redis, read_identity
from harness.ledger import copied_ledger
from harness.postgres import PostgresServer
from harness.python import run_module
from harness.refusing_redis import refusing_redis
from harness.valkey import ValkeyServer
from tests.integration.command.deployment import Harkara, attempted, listed, store
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.steps import reply
from tests.integration.ledger.webhooks import send_message


def test_the_audit_of_a_consistent_ledger_is_clean(harkara: Harkara, ledger: Database) -> None:
    attempted(ledger, Uncertain("timeout", "No answer came.", None))
    store(ledger)
    result = harkara("audit", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["clean"], report["findings"]) == (0, True, [])
    assert (report["messages"], report["by_state"], report["attempts"]) == (2, {"uncertain": 1, "waiting": 1}, 1)
    assert harkara("audit").stdout.endswith("Clean.\n")


def test_the_audit_names_the_broken_rule_and_its_messages(harkara: Harkara, ledger: Database) -> None:
    identity = store(ledger)
    with ledger.write() as tx:
        tx.execute(text("UPDATE message SET state = 'accepted'"))
    result = harkara("audit")
    assert result.exit_code == 1
    assert (
        "Broken: accepted only with Chat Mitra's answer, a webhook or an operator's decision: 1 messages"
        in result.stdout
    )
    assert f"  {identity}\n" in result.stdout


def test_the_audit_calls_no_campaign_a_message(harkara: Harkara, ledger: Database) -> None:
    campaign = load_campaign(ledger)
    with ledger.write() as tx:
        tx.execute(text("UPDATE campaign SET audience = audience + 1"))
    shown = harkara("audit").stdout
    assert f"Broken: a campaign has as many messages as its audience: 1 rows\n  {campaign}\n" in shown
    assert "runbook.md says what to do. `harkara status ID` shows the trace of a message" in shown


def test_the_doctor_names_what_is_missing_and_the_next_step(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    park(ledger, "shop", "Wrong price.")
    result = harkara("doctor", "--json")
    found = {check["check"]: (check["well"], check["found"]) for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    assert {name for name, (well, _) in found.items() if well} == {
        "settings", "lanes", "files", "database", "redis", "redis memory", "redis and ledger", "clocks",
    }  # fmt: skip
    assert "appendonly yes" in found["redis disk"][1]
    assert "harkara lanes unpark shop" in found["lane shop"][1]
    assert "python -m workers.worker" in found["workers"][1]


def test_the_doctor_reports_the_messages_of_a_lane_that_was_removed(
    harkara: Harkara, environment: dict[str, str], ledger: Database
) -> None:
    store(ledger, lane="shop")
    assert "has no token" not in harkara("doctor").stdout
    environment["HARKARA_LANE_TOKENS"] = "store:secret"
    shown = harkara("doctor").stdout
    assert "the lane has no token, and 1 of its messages wait: add it to HARKARA_LANE_TOKENS, or see" in shown
    assert "1 messages would be cancelled" in harkara("cancel", "--lane", "shop", "--state", "waiting").stdout


def test_the_doctor_reports_a_database_that_accepts_no_writes(
    harkara: Harkara, environment: dict[str, str], postgres_server: PostgresServer
) -> None:
    environment["HARKARA_DATABASE_URL"] = url = copied_ledger(postgres_server)
    assert "postgresql accepts no writes" not in harkara("doctor").stdout
    environment["HARKARA_DATABASE_URL"] = f"{url}?options=-c%20default_transaction_read_only%3Don"
    assert "postgresql accepts no writes: let HARKARA_DATABASE_URL lead to the primary" in harkara("doctor").stdout


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("HARKARA_ALARM_NUMBER", "98765", "at least 10 digits with the country code (this has 5)"),
        ("HARKARA_ALARM_LANE", "sales", "HARKARA_ALARM_LANE: no lane is named sales; lanes: default, shop"),
        ("HARKARA_ALARM_URLS", "pigeon://loft", "HARKARA_ALARM_URLS: number 1 is not a URL of Apprise"),
    ],
)
def test_the_doctor_reports_a_receiver_of_alarms_with_which_no_worker_starts(
    harkara: Harkara, environment: dict[str, str], ledger: Database, name: str, value: str, problem: str
) -> None:
    environment["HARKARA_ALARM_NUMBER"] = "+919876543210"
    assert "alarms go to WhatsApp" in harkara("doctor").stdout
    environment[name] = value
    shown = harkara("doctor").stdout
    assert [line for line in shown.splitlines() if line.startswith("receivers") and problem in line] != []


def test_the_doctor_names_the_next_step_for_what_redis_answers(
    harkara: Harkara, environment: dict[str, str], ledger: Database
) -> None:
    with refusing_redis() as server:
        environment["HARKARA_REDIS_URL"] = server.url
        server.answer = "NOAUTH Authentication required."
        shown = harkara("doctor").stdout
    assert "it refuses the user or the password): correct them in HARKARA_REDIS_URL" in shown
    assert "see that it runs at HARKARA_REDIS_URL" in harkara("doctor").stdout


def test_the_doctor_reports_the_redis_of_another_ledger_and_can_adopt_it(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    with connect(redis_server.url, seconds=30) as redis:
        assign_redis(redis, "0123456789abcdef", "file 1")
        assert "belongs to ledger 01234567" in harkara("doctor").stdout
        refused = harkara("send", "919876543210", "Hello")
        assert (refused.exit_code, "harkara doctor --adopt-redis" in refused.stderr) == (5, True)
        assert listed(ledger) == []
        running = harkara("doctor", "--adopt-redis")
        assert (running.exit_code, "stop them first" in running.stderr) == (4, True)
        redis.delete(DATABASE)  # as 30 s after the last process of the other ledger
        assert "redis and ledger" in harkara("doctor", "--adopt-redis").stdout
        assert read_identity(redis).ledger == ledger_identity(ledger).ledger
    assert harkara("send", "919876543210", "Hello").exit_code == 0


def test_the_doctor_reports_a_wrong_clock(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    with time_machine.travel(time.time() + 90, tick=True):
        found = {check["check"]: check for check in json.loads(harkara("doctor", "--json").stdout)["checks"]}
    assert not found["clocks"]["well"]
    assert re.match(r"Redis is (89|9\d) s behind", found["clocks"]["found"])


def test_the_doctor_reports_a_process_with_another_redis(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    register(ledger, "worker-2", "the other Redis", current_time(ledger))
    assert "process worker-2" in harkara("doctor").stdout


def test_the_doctor_reports_missing_webhooks(harkara: Harkara, environment: dict[str, str], ledger: Database) -> None:
    environment |= {"CHATMITRA_WEBHOOK_SECRET": "secret", "HARKARA_SILENCE": "0.001"}
    send_message(ledger, reply())
    found = harkara("doctor").stdout
    assert "webhooks of default" in found
    assert "webhooks of shop" not in found
    environment["HARKARA_SILENCE"] = "900"
    assert "webhooks of" not in harkara("doctor").stdout


def test_the_doctor_reports_unreachable_services(harkara: Harkara, environment: dict[str, str]) -> None:
    environment["HARKARA_DATABASE_URL"] = "postgresql://127.0.0.1:1/nowhere"
    result = harkara("doctor")
    assert result.exit_code == 1
    assert [line.split()[:2] for line in result.stdout.splitlines()[3:]] == [
        ["files", "ok"],
        ["database", "PROBLEM"],
        ["redis", "PROBLEM"],
    ]
    assert not re.search("Unavailable|SystemExit", result.stdout)  # the sentences are enough


def test_the_doctor_names_every_file_that_is_wrong(
    harkara: Harkara, environment: dict[str, str], tmp_path: Path
) -> None:
    for name in ("WORDS", "PRICES", "PLAYBOOK"):
        file = tmp_path / f"{name.lower()}.toml"
        file.write_text("[opt-out]\nwords = swordfish\n")
        environment[f"HARKARA_{name}_FILE"] = str(file)
    result = harkara("doctor")
    assert result.exit_code == 1
    for name in ("words", "prices", "playbook"):
        assert re.search(rf"{name} file +PROBLEM +{name}\.toml, words: cannot be read as TOML: .*line 2", result.stdout)
    assert "swordfish" not in result.stdout


def test_the_doctor_ends_with_the_settings_if_they_are_wrong(harkara: Harkara, environment: dict[str, str]) -> None:
    environment["CHATMITRA_API_TOKEN"] = "sword fish"
    checks = json.loads(harkara("doctor", "--json").stdout)["checks"]
    assert [check["check"] for check in checks] == ["settings"]
    assert "CHATMITRA_API_TOKEN: cannot be an HTTP header" in checks[0]["found"]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_the_doctor_and_migrate_refuse_a_database_that_is_not_utf8(
    harkara: Harkara, environment: dict[str, str], postgres_server: PostgresServer, encoding: str
) -> None:
    environment["HARKARA_DATABASE_URL"] = postgres_server.create_database(f"t{uuid4().hex}", encoding=encoding)
    found = {check["check"]: check for check in json.loads(harkara("doctor", "--json").stdout)["checks"]}
    assert not found["database"]["well"]
    assert f"encoding {encoding}" in found["database"]["found"]
    assert "CREATE DATABASE NAME ENCODING 'UTF8' TEMPLATE template0" in found["database"]["found"]
    migrate = run_module(["workers.migrate"], process_environment() | environment)
    assert migrate.returncode == 1
    assert migrate.stderr.startswith(f"the database has the encoding {encoding}, which cannot store every text: ")
    assert len(migrate.stderr.splitlines()) == 1


def test_a_database_without_the_schema_exits_with_5_and_the_next_step(harkara: Harkara) -> None:
    result = harkara("list")
    assert (result.exit_code, result.stdout) == (5, "")
    assert "python -m workers.migrate" in result.stderr


def test_an_invalid_setting_is_named_without_its_value(harkara: Harkara, environment: dict[str, str]) -> None:
    environment["HARKARA_LANE_TOKENS"] = "live_secret"
    result = harkara("list", "--json")
    assert result.exit_code == 1
    assert "HARKARA_LANE_TOKENS" in json.loads(result.stdout)["error"]["message"]
    assert "live_secret" not in result.output


def test_the_help_loads_neither_the_database_nor_celery() -> None:
    code = "import sys, workers.command; print(sorted({'celery', 'sqlalchemy', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_version_is_that_of_the_project(harkara: Harkara) -> None:
    assert harkara("--version").stdout.startswith("harkara 0.")
