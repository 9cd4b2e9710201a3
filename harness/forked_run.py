"""Runs a Python program to its end as a fork of the fork server, as `subprocess.run` does with a new process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile

from harness.fork_server import ROOT, fork_server

PATIENCE = 120.0
"""Seconds that a program may take."""


def run_forked(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `python -m ARGUMENTS` with exactly this environment and an empty stdin; return its output and exit status.

    Raises TimeoutExpired.
    """
    server = fork_server()
    if server is None:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    with TemporaryFile() as out, TemporaryFile() as err:
        status = server.start(arguments, environment, out.fileno(), err.fileno()).wait(PATIENCE)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(arguments, status, out.read().decode(), err.read().decode())
