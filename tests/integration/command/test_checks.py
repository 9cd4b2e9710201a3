"""Whether all is well: the audit, the doctor, and what the command says of a deployment that is not."""

from __future__ import annotations

import json
import subprocess
import sys

from sqlalchemy import text

from config.environment import ROOT
from harkara.ledger.database import Database
from harkara.ledger.halts import park
from harkara.outcomes import Uncertain
from harness.valkey import ValkeyServer
from tests.integration.command.deployment import Harkara, attempted, store
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


def test_the_doctor_names_what_is_missing_and_the_next_step(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    park(ledger, "shop", "Wrong price.")
    result = harkara("doctor", "--json")
    found = {check["check"]: (check["well"], check["found"]) for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    assert {name for name, (well, _) in found.items() if well} == {
        "settings", "lanes", "database", "redis", "redis memory",
    }  # fmt: skip
    assert "appendonly yes" in found["redis disk"][1]
    assert "harkara lanes unpark shop" in found["lane shop"][1]
    assert "celery -A workers.sender worker" in found["workers"][1]


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
        ["database", "PROBLEM"],
        ["redis", "PROBLEM"],
    ]


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
