"""The process `python -m workers.worker`: what it imports, what it collects, and its restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from harness.ledger import migrated
from harness.process import ROOT, Process
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from workers.garbage import THRESHOLD
from workers.worker import UNUSED

OPTIONAL = {"opentelemetry", "sentry_sdk", "apprise", "openai"}
"""Libraries of extras, for deployments with a setting that needs them."""

REPORT = """
import atexit, gc, runpy, sys
atexit.register(lambda: print("at the end:", gc.get_freeze_count(), gc.get_threshold()[0], *sys.modules))
runpy.run_module("workers.worker", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def settings(tmp_path: Path, redis_client: redis.Redis, valkey_server: ValkeyServer) -> dict[str, str]:
    return {
        "HARKARA_REDIS_URL": valkey_server.url,  # which `redis_client` has emptied
        "HARKARA_DATABASE_URL": migrated(f"sqlite:///{tmp_path / 'harkara.db'}"),
        "HARKARA_VAR": str(tmp_path),
        "HARKARA_ENV_FILE": os.devnull,
        "HARKARA_METRICS_PORT": "",
        "CHATMITRA_API_TOKEN": "test-token",
    }


@pytest.fixture
def worker(request: pytest.FixtureRequest, settings: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    process = Process.start("worker", [sys.executable, *request.param], settings, tmp_path)
    process.wait_for_output("ready.")
    yield process
    process.kill()


@pytest.mark.parametrize("worker", [("-c", REPORT)], indirect=True)
def test_a_worker_loads_no_library_of_others_and_exempts_its_own_from_collection(worker: Process) -> None:
    assert worker.terminate() == 0
    frozen, threshold, *modules = worker.output().rpartition("at the end: ")[2].split()
    assert int(frozen) > 100_000
    assert int(threshold) == THRESHOLD
    packages = {name.partition(".")[0] for name in modules}
    assert {"celery", "requests", "structlog"} <= packages
    assert packages & {*UNUSED, "flower", "tornado", "prompt_toolkit", "python_calamine", "numpy", *OPTIONAL} == set()
    assert "celery.bin.celery" not in modules
    assert "Unable to find" not in worker.output()


@pytest.mark.parametrize("worker", [("-m", "workers.worker", "-n", "own-name@%h")], indirect=True)
def test_a_worker_finishes_and_starts_again_on_sighup(worker: Process) -> None:
    os.kill(worker.popen.pid, signal.SIGHUP)
    wait_until(lambda: worker.output().count(" ready.") == 2, 120, "it is ready again", details=worker.output)
    first, second = (line for line in worker.output().splitlines() if " ready." in line)
    assert "own-name@" in first
    assert "own-name@" in second
    assert worker.terminate() == 0


def test_the_worker_names_its_option_without_importing_celery() -> None:
    run = "runpy.run_module('workers.worker', run_name='__main__')"
    script = f"import runpy, sys\ntry: {run}\nexcept SystemExit: print('celery' in sys.modules)"
    words = [sys.executable, "-c", script, "--help"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--hostname" in done.stdout
    assert done.stdout.endswith("False\n")
