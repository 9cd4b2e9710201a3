"""`make up`: all processes on one machine, connected to each other, with secrets of this run alone."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from harkara.messages import Template
from harness.process import Process
from harness.waiting import wait_until
from tests.acceptance.http_client import request

HELLO = {
    "recipient_mobile_number": "919876543210",
    "messages": [Template("order_ready", body=["Asha"]).wire()],  # a template needs no open window
}


@pytest.mark.xdist_group("make-up")  # the usual ports belong to one at a time
def test_make_up_prints_a_token_with_which_the_http_api_sends_to_the_sandbox(tmp_path: Path) -> None:
    settings = {
        "HARKARA_VAR": str(tmp_path),
        "HARKARA_ENV_FILE": os.devnull,
    }  # this machine's .env may have a real token
    local = Process.start("local", [sys.executable, "-m", "workers.local"], settings, tmp_path)
    try:
        wait_until((tmp_path / "places.json").exists, 60, "places.json exists", details=local.output)
        places = json.loads((tmp_path / "places.json").read_text())
        assert f"Web token  {places['Web token']}\n" in local.output()
        local.wait_for_output("Uvicorn running on")
        token = {"Authorization": f"Bearer {places['Web token']}"}
        job = request(f"{places['Web']}/send_message", HELLO, headers=token)["jobId"]
        status_url = f"{places['Web']}/messages/{job}"
        wait_until(
            lambda: request(status_url, headers=token)["state"] == "read", 120, "it is read", details=local.output
        )

        environments = {
            name: environment(local.popen.pid, name) for name in ("workers.web", "worker", "workers.sandbox")
        }
        secret = environments["workers.sandbox"]["SANDBOX_WEBHOOK_SECRET"]
        assert len(secret) == 32
        assert environments["workers.sandbox"]["SANDBOX_WEBHOOK_URL"] == f"{places['Web']}/webhooks/chatmitra"
        assert "CHATMITRA_WEBHOOK_SECRET" not in environments["workers.sandbox"]
        assert {environments[name]["CHATMITRA_WEBHOOK_SECRET"] for name in ("workers.web", "worker")} == {secret}
        assert (tmp_path / "local.env").stat().st_mode & 0o777 == 0o600

        local.popen.send_signal(signal.SIGTERM)
        assert local.popen.wait(90) == 0
        assert not (tmp_path / "local.env").exists()
    finally:
        local.kill()


def environment(parent: int, word: str) -> dict[str, str]:
    """Return the environment of the descendant of `parent` that has this word in its command line."""
    parents = {int(path.parent.name): parent_of(path) for path in Path("/proc").glob("[0-9]*/stat")}
    descendants = {parent}
    while more := {pid for pid, ppid in parents.items() if ppid in descendants} - descendants:
        descendants |= more
    pid = next(pid for pid in sorted(descendants) if word in read(pid, "cmdline"))
    return dict(entry.split("=", 1) for entry in read(pid, "environ") if "=" in entry)


def parent_of(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # the process has just ended
        return 0


def read(pid: int, what: str) -> list[str]:
    return Path(f"/proc/{pid}/{what}").read_bytes().decode().split("\0")
