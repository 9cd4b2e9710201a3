"""The files of `config/` change while messages are sent: `harkara reload` has them read, and no message is lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from config.environment import ROOT
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.messages import CATEGORIES, new_messages
from tests.acceptance.test_restored_backups import command

MESSAGES = 300
UNLIMITED = '[default]\nallowance = "none"\n'
RULE = """
[kind.checkup."-24h"]
offset = "-24h"
template = "appointment_reminder"
not_before = "-1d"
quiet = "either"
useful_until = "0d"
"""
SETTINGS = {"HARKARA_API_TOKENS": "app:token", "HARKARA_ALLOWANCE": "100/60s"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_processes_use_new_files_while_they_send_and_every_message_is_sent_once(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config, ignore=shutil.ignore_patterns("*.py", "*local.toml", "lanes.toml"))
    own = SETTINGS | {"HARKARA_CONFIG": str(config), "HARKARA_LANES_FILE": str(config / "lanes.toml")}
    envelopes = new_messages(MESSAGES, CATEGORIES)
    with deployment(tmp_path, redis_server, database_url, **own) as harkara:
        harkara.start_worker()
        harkara.start_web()
        harkara.accept(envelopes)
        harkara.wait_accepted(1)
        assert report_status(harkara, "checkup") == 400

        (config / "lanes.toml").write_text(UNLIMITED)
        with (config / "reminders.toml").open("a") as rules:
            rules.write(RULE)
        code, answer = command(harkara, "reload")
        changed = [(each["kind"], each["changed"]) for each in answer["processes"]]
        files = ["lanes.toml", "reminders.toml"]
        assert (code, sorted(changed)) == (0, [("web", files), ("worker", files)])

        assert report_status(harkara, "checkup") == 200
        with harkara.client() as client:
            assert "checkup" in client.plan().rules.kind
        verdict = harkara.wait_verdict(envelopes)  # with the former limit, it would take three minutes
        verdict.assert_kept()
        assert set(verdict.states) == {"accepted"}


def report_status(harkara: Deployment, kind: str) -> int:
    """The HTTP status of the report of a kind of occasion, which the rules must have."""
    request = Request(f"{harkara.web}/reports/occasions/{kind}", headers={"Authorization": "Bearer token"})
    try:
        with urlopen(request) as response:
            return int(response.status)
    except HTTPError as error:
        return error.code
