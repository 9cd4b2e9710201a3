"""A worker's own round: the settings name the receivers, and a wrong one stops the start with a sentence."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harkara.ledger.alarms.record import list_goals
from harness.ledger import migrated, open_ledger
from harness.python import run_code
from harness.valkey import ValkeyServer
from tests.integration.alarms.service import PASSWORD

RUN = "from config.wiring.alarms import alarm_round; print(alarm_round().run())"


def run_round(folder: Path, redis_url: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one round in a process with these settings."""
    own = {"HARKARA_VAR": str(folder), "HARKARA_ENV_FILE": os.devnull, "CHATMITRA_API_TOKEN": "token"}
    own |= {"HARKARA_DATABASE_URL": f"sqlite:///{folder / 'harkara.db'}", "HARKARA_REDIS_URL": redis_url}
    return run_code(RUN, os.environ | own | settings)


def test_a_round_measures_what_the_deployment_has(tmp_path: Path, valkey_server: ValkeyServer) -> None:
    url = migrated(f"sqlite:///{tmp_path / 'harkara.db'}")
    ended = run_round(tmp_path, valkey_server.url, HARKARA_ALARM_NUMBER="919876543210")
    assert ended.stdout == "Changes(opened=[], closed=[])\n", ended.stderr
    with open_ledger(url) as db:
        found = {each.goal for each in list_goals(db)}
    assert found == {"oldest-due", "uncertain", "errors", "redis-memory", "disk"}, "no webhooks and no beat"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"HARKARA_ALARM_URLS": f"pigeon://{PASSWORD}@loft"}, "HARKARA_ALARM_URLS: number 1 is not a URL of Apprise"),
        (
            {"HARKARA_ALARM_NUMBER": "6581123456"},
            "HARKARA_ALARM_NUMBER: can be read as two numbers; write it with + and the country code",
        ),
        (
            {"HARKARA_ALARM_NUMBER": "919876543210", "HARKARA_ALARM_LANE": "north"},
            "HARKARA_ALARM_LANE: no lane is named north; lanes: default",
        ),
    ],
)
def test_a_wrong_receiver_stops_the_start_without_its_secret(
    tmp_path: Path, settings: dict[str, str], problem: str
) -> None:
    ended = run_round(tmp_path, "redis://127.0.0.1:1/0", **settings)
    assert ended.returncode == 1
    assert problem in ended.stderr
    assert PASSWORD not in ended.stderr + ended.stdout
