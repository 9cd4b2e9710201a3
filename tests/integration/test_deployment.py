"""The files around the code work in the programs that read them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

from config.periodic_work import SCHEDULE, WAKE_UPS
from harkara.backends.broker import QUEUES
from harness.process import ROOT
from harness.python import run_code

MAKE_TARGETS = [
    "bench",
    "bench-quick",
    "chaos",
    "check",
    "clean",
    "demo",
    "docs",
    "fmt",
    "help",
    "lock",
    "mutants",
    "screenshots",
    "test",
    "test-browser",
    "test-examples",
    "test-hosts",
    "up",
]
PASSWORDS = {"REDIS_PASSWORD": "r", "POSTGRES_PASSWORD": "p"}


def test_a_worker_consumes_every_queue_on_threads_and_every_task_has_its_queue(worker: dict[str, Any]) -> None:
    assert worker["pool"] == "config.thread_pool:ThreadPool"
    own, *shared = worker["queues"]
    assert shared == list(QUEUES)
    assert own.startswith("harkara.own."), "for the probe of the watchdog"
    assert set(worker["tasks"]) == worker["routes"].keys() | {"harkara.pulse"}
    assert {route["queue"] for route in worker["routes"].values()} <= set(QUEUES)


def test_the_schedule_names_only_tasks_of_the_worker(worker: dict[str, Any]) -> None:
    assert worker["beat"] == [work.beat.task for work in SCHEDULE.values() if work.beat]
    assert set(worker["beat"]) | {wake_up.task for wake_up in WAKE_UPS} <= worker["tasks"]


@pytest.fixture(scope="module")
def worker() -> dict[str, Any]:
    """The app as `celery -A workers.sender` imports it, in a process of its own with its own settings."""
    script = """
import json
from workers.sender import app
app.loader.import_default_modules()
print(json.dumps({
    "pool": app.conf.worker_pool,
    "queues": list(app.amqp.queues),
    "routes": app.conf.task_routes,
    "beat": [entry["task"] for entry in app.conf.beat_schedule.values()],
    "tasks": sorted(name for name in app.tasks if not name.startswith("celery.")),
}))
"""
    environment = os.environ | {"HARKARA_REDIS_URL": "redis://127.0.0.1:1/0"}
    done = run_code(script, environment)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts | {"tasks": set(facts["tasks"])}


def test_the_compose_file_follows_the_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_docker_compose_accepts_the_file_and_requires_the_passwords() -> None:
    command = docker_compose()
    if command is None:
        pytest.skip("no Docker Compose 2 on this machine")
    config = [*command, "--profile", "sandbox", "config", "--quiet"]
    assert subprocess.run(config, cwd=ROOT, env=os.environ | PASSWORDS).returncode == 0
    missing = subprocess.run(config, cwd=ROOT, env=os.environ | PASSWORDS | {"REDIS_PASSWORD": ""}, capture_output=True)
    assert b"REDIS_PASSWORD" in missing.stderr


def test_make_help_names_every_target() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(re.findall(r"^make (\S+) +\S", done.stdout, re.MULTILINE)) == MAKE_TARGETS


def docker_compose() -> list[str] | None:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            version = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
            if version.stdout.lstrip("v").startswith("2."):
                return command
    return None
