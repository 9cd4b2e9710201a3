"""`make up`: everything on one machine, each part told where the others are, with secrets of this run alone."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from harkara.messages import Template
from harness.process import Process
from harness.waiting import wait_until
from tests.acceptance.caller import call

HELLO = {
    "recipient_mobile_number": "919876543210",
    "messages": [Template("order_ready", body=["Asha"]).wire()],  # which goes to people who have not written yet
}


def test_make_up_shows_a_token_with_which_the_web_door_sends_to_the_sandbox(tmp_path: Path) -> None:
    own = {"HARKARA_VAR": str(tmp_path), "HARKARA_ENV_FILE": os.devnull}  # the .env here might send for real
    local = Process.start("local", [sys.executable, "-m", "workers.local"], own, tmp_path)
    try:
        wait_until((tmp_path / "places.json").exists, 60, "the parts have their places", details=local.output)
        places = json.loads((tmp_path / "places.json").read_text())
        assert f"Web token  {places['Web token']}\n" in local.output()
        local.wait_for_output("Uvicorn running on")
        token = {"Authorization": f"Bearer {places['Web token']}"}
        job = call(f"{places['Web']}/send_message", HELLO, headers=token)["jobId"]
        asked = f"{places['Web']}/messages/{job}"
        wait_until(lambda: call(asked, headers=token)["state"] == "read", 120, "it is read", details=local.output)

        told = {name: environment(local.popen.pid, name) for name in ("workers.web", "worker", "workers.sandbox")}
        secret = told["workers.sandbox"]["SANDBOX_WEBHOOK_SECRET"]
        assert len(secret) == 32
        assert told["workers.sandbox"]["SANDBOX_WEBHOOK_URL"] == f"{places['Web']}/webhooks/chatmitra"
        assert "CHATMITRA_WEBHOOK_SECRET" not in told["workers.sandbox"]
        assert {told[name]["CHATMITRA_WEBHOOK_SECRET"] for name in ("workers.web", "worker")} == {secret}
        assert (tmp_path / "local.env").stat().st_mode & 0o777 == 0o600

        local.popen.send_signal(signal.SIGTERM)
        assert local.popen.wait(90) == 0
        assert not (tmp_path / "local.env").exists()
    finally:
        local.kill()


def environment(parent: int, word: str) -> dict[str, str]:
    """What the process below `parent` was told that has this word in its command line."""
    parents = {int(path.parent.name): parent_of(path) for path in Path("/proc").glob("[0-9]*/stat")}
    below = {parent}
    while more := {pid for pid, above in parents.items() if above in below} - below:
        below |= more
    pid = next(pid for pid in sorted(below) if word in read(pid, "cmdline"))
    return dict(entry.split("=", 1) for entry in read(pid, "environ") if "=" in entry)


def parent_of(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended meanwhile
        return 0


def read(pid: int, what: str) -> list[str]:
    return Path(f"/proc/{pid}/{what}").read_bytes().decode().split("\0")
