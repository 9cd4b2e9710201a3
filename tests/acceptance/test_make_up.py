"""`make up`: all processes on one machine, connected to each other, with secrets of this run alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from harkara import Client
from harkara.messages import Template
from harness.ledger import prepare
from harness.process import Process
from harness.waiting import wait_until
from tests.acceptance.http_client import request

TIMES = re.compile(r"\b\d\d:\d\d:\d\d\b")
DOCUMENTED = {
    "recipient_mobile_number": "919999999999",
    "message": "Hello! Your order #12345 is ready for pickup 📦",
}
HELLO = {
    "recipient_mobile_number": "919876543210",
    "messages": [Template("order_ready", body=["Asha"]).wire()],  # a template needs no open window
}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One `make up` for the tests of this file, of which the last one kills it."""
    folder = tmp_path_factory.mktemp("local")
    local = make_up("local", folder)
    try:
        local.wait_for_output("Ctrl-C stops everything")
        yield local
    finally:
        stop(local)


def make_up(name: str, folder: Path, **settings: str) -> Process:
    """Start it with the data in this folder, without this machine's .env, which may have a real token."""
    settings = {
        "HARKARA_VAR": str(folder),
        "HARKARA_ENV_FILE": os.devnull,
        "SANDBOX_READ_AFTER_MS": "100",
        "SANDBOX_WEBHOOK_RETRY_MS": "10000",  # a worker may send before the HTTP API listens
        **settings,
    }
    return Process.start(name, [sys.executable, "-m", "workers.local"], settings, folder)


def places_of(local: Process) -> dict[str, str]:
    found: dict[str, str] = json.loads((local.log.parent / "places.json").read_text())
    return found


def token_of(places: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {places['Web token']}"}


def test_the_last_lines_of_make_up_are_commands_that_work_and_their_messages_arrive(local: Process) -> None:
    folder = local.log.parent
    start, _, last = local.output().partition("\nReady. Try:\n")
    places = places_of(local)
    assert f"Web token  {places['Web token']}\n" in start
    commands = [line.strip() for line in last.splitlines() if line.startswith("  ")]
    assert [command.split()[-1] for command in commands[:2]] == ["30", "order-1042"]
    assert f"Bearer {places['Web token']}" in commands[2]
    phones = f"Open {places['Sandbox']} to see the customers' phones."
    ending = f"Ctrl-C stops everything; the data stays in {folder}."
    assert last.splitlines()[len(commands) :] == [
        f"Open {places['Console']} for the console.",
        f"{phones} {ending}",
    ]
    assert [line for line in local.output().splitlines() if len(TIMES.findall(line)) > 1] == []

    answers = [pasted(command, folder) for command in commands]
    assert "order-1042" in answers[1]
    token = token_of(places)
    # The request of Chat Mitra's documentation (Simple Text Message), byte by byte.
    job = request(f"{places['Web']}/developer/api/send_message", DOCUMENTED, headers=token)["jobId"]
    sent = ["order-1042", json.loads(answers[2])["jobId"], job]
    wait_until(
        lambda: all(request(f"{places['Web']}/messages/{key}", headers=token)["state"] == "read" for key in sent),
        120,
        "all are read",
        details=local.output,
    )

    environments = {
        name: environment(local.popen.pid, name) for name in ("workers.web", "workers.worker", "workers.sandbox")
    }
    secret = environments["workers.sandbox"]["SANDBOX_WEBHOOK_SECRET"]
    assert len(secret) == 32
    assert environments["workers.sandbox"]["SANDBOX_WEBHOOK_URL"] == f"{places['Web']}/webhooks/chatmitra"
    assert "CHATMITRA_WEBHOOK_SECRET" not in environments["workers.sandbox"]
    assert {environments[name]["CHATMITRA_WEBHOOK_SECRET"] for name in ("workers.web", "workers.worker")} == {secret}
    assert (folder / "local.env").stat().st_mode & 0o777 == 0o600


def test_a_process_that_the_system_kills_starts_again_while_the_others_run_on(local: Process) -> None:
    """The kernel ends a process with SIGKILL when memory runs out."""
    places = places_of(local)
    local.wait_for_output("Uvicorn running on")
    local.wait_for_output("ready.")
    before = processes(local)
    for word in ("workers.worker", "beat"):
        os.kill(before[word], signal.SIGKILL)
    local.wait_for_output("worker was ended by SIGKILL; the system does that when memory runs out.")
    local.wait_for_output("beat was ended by SIGKILL")
    wait_until(lambda: local.output().count(" ready.") >= 2, 90, "the worker is ready again", details=local.output)

    token = token_of(places)
    job = request(f"{places['Web']}/send_message", HELLO, headers=token)["jobId"]
    status_url = f"{places['Web']}/messages/{job}"
    wait_until(lambda: request(status_url, headers=token)["state"] == "read", 120, "it is read", details=local.output)
    after = processes(local)
    assert {name for name in before if before[name] != after[name]} == {"workers.worker", "beat"}


def test_after_make_up_itself_was_killed_another_one_continues_with_the_same_data(local: Process) -> None:
    """The processes end by themselves. Valkey is ended by the next run: two would write to one append-only file."""
    folder = local.log.parent
    places = places_of(local)
    rival = make_up("rival", folder)
    assert rival.popen.wait(60) == 1
    refused = f"is running in {folder} already: process {local.popen.pid} at {places['Web']}."
    assert refused in rival.output()

    pids = processes(local).values()
    local.popen.kill()
    local.popen.wait()
    wait_until(lambda: not any(map(runs, pids)), 90, "the processes end")
    with Client(places["Redis"]) as client:  # the server still answers, and no worker runs
        handle = client.send(Template("order_ready", body=["Asha"]), to="919876543210")

    (folder / "places.json").unlink()
    second = make_up("second", folder)
    try:
        wait_until((folder / "places.json").exists, 60, "places.json exists again", details=second.output)
        again = places_of(second)
        assert again["Web token"] == places["Web token"], "applications have it in their settings"
        valkey = (folder / "valkey").resolve()
        servers = [path for path in Path("/proc").glob("[0-9]*") if working_directory(path) == valkey]
        assert len(servers) == 1
        with Client(again["Redis"], seconds=20) as client:
            second.wait_for_output("ready.")
            wait_until(lambda: client.status(handle.id).state == "read", 120, "it is read", details=second.output)
        assert " starts again in" not in second.output()

        last = processes(second)
        second.popen.send_signal(signal.SIGINT)  # Ctrl-C, just before one more process is killed
        os.kill(last["workers.worker"], signal.SIGKILL)
        assert second.popen.wait(90) == 0
        wait_until(lambda: not any(map(runs, last.values())), 60, "all processes have ended")
        assert not (folder / "local.env").exists()
    finally:
        stop(second)


def test_a_wrong_setting_ends_all_processes(tmp_path: Path) -> None:
    prepare(f"sqlite:///{tmp_path / 'harkara.db'}")
    local = make_up("local", tmp_path, HARKARA_API_LIMIT="many")
    try:
        assert local.popen.wait(180) == os.EX_CONFIG
        assert "HARKARA_API_TOKENS, HARKARA_API_LIMIT: allow" in local.output()
        assert "starts again" not in local.output()
    finally:
        stop(local)


def pasted(command: str, folder: Path) -> str:
    """Return what the command prints in another terminal, in a folder that is not the checkout."""
    foreign = ("HARKARA_", "CHATMITRA_", "SANDBOX_", "FLOWER_")
    terminal = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=terminal, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def stop(local: Process) -> None:
    """End all processes, also after a failure: each leads a group of its own."""
    if local.alive:
        with suppress(TimeoutExpired):
            local.terminate(seconds=60)
    local.kill()


def processes(local: Process) -> dict[str, int]:
    """Return the process ids of those that run from the Procfile, by a word of their command lines."""
    return {word: descendant(local.popen.pid, word) for word in ("workers.worker", "beat", "workers.web", "flower")}


def environment(parent: int, word: str) -> dict[str, str]:
    """Return the environment of the descendant of `parent` that has this word in its command line."""
    pid = descendant(parent, word)
    return dict(entry.split("=", 1) for entry in read(pid, "environ") if "=" in entry)


def descendant(parent: int, word: str) -> int:
    """Return the descendant of `parent` that has this word as an argument in its command line."""
    parents = {int(path.parent.name): parent_of(path) for path in Path("/proc").glob("[0-9]*/stat")}
    descendants = {parent}
    while more := {pid for pid, ppid in parents.items() if ppid in descendants} - descendants:
        descendants |= more
    return next(pid for pid in sorted(descendants) if word in read(pid, "cmdline"))


def parent_of(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # the process has just ended
        return 0


def runs(pid: int) -> bool:
    """Whether the process runs; one that has ended may be left until its parent has asked for its status."""
    try:
        return read(pid, "cmdline") != [""]
    except OSError:
        return False


def working_directory(process: Path) -> Path | None:
    try:
        return (process / "cwd").readlink()
    except OSError:  # the process has just ended
        return None


def read(pid: int, what: str) -> list[str]:
    return Path(f"/proc/{pid}/{what}").read_bytes().decode().split("\0")
