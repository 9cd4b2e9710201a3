"""A forked process is as one that was started: its session, environment, streams and status are its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.process import Process

PROGRAM = "tests.integration.forked_program"
SETTINGS = {"HARKARA_VAR": "/nowhere", "COLOR": "red"}

Start = Callable[[str, str], Process]


@pytest.fixture
def started(tmp_path: Path) -> Start:
    return lambda name, end: Process.start(name, [sys.executable, "-m", PROGRAM, end], SETTINGS, tmp_path)


@pytest.fixture
def forked(tmp_path: Path) -> Start:
    return lambda name, end: Process.fork(name, [PROGRAM, end], SETTINGS, tmp_path)


@pytest.mark.parametrize("end", ["0", "78", "say"])
def test_a_fork_has_the_arguments_environment_streams_and_status_of_a_start(
    started: Start, forked: Start, end: str
) -> None:
    outputs = []
    for process in (started("start", end), forked("fork", end)):
        status = process.popen.wait(60)
        first, identity, *rest = process.output().splitlines()
        outputs.append((first, rest, status, process.popen.poll()))
        assert len(identity) == 36
    assert outputs[0] == outputs[1]


def test_a_fork_that_raises_ends_with_its_traceback(forked: Start) -> None:
    process = forked("fork", "raise")
    assert process.popen.wait(60) == 1
    assert process.output().endswith("ValueError: raise\n")


def test_forks_of_one_server_give_different_ids_and_each_is_killed_alone(forked: Start) -> None:
    processes = [forked(f"fork{n}", "sleep") for n in range(3)]
    for process in processes:
        process.wait_for_output("a warning")
    assert len({process.output().splitlines()[1] for process in processes}) == 3
    processes[0].kill()
    assert processes[0].popen.returncode == -signal.SIGKILL
    assert [process.alive for process in processes] == [False, True, True]
    for process in processes[1:]:
        assert os.getpgid(process.popen.pid) == process.popen.pid
        process.kill()
