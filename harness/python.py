"""Python programs that end by themselves, run as forks of a process that has imported the libraries.

`python -m harness.python CODE …` runs code as `python -c` does.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.fork_server import ROOT, fork_server


def run_module(
    arguments: Sequence[str], environment: Mapping[str, str], *, seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `python -m ARGUMENTS` in the repository until it ends, with exactly this environment and no input.

    A test whose subject is the start or the imports must start a process instead. Raises TimeoutExpired.
    """
    server = fork_server()
    if server is None:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        fork = server.start(arguments, environment, out.fileno(), err.fileno())
        try:
            status = fork.wait(seconds)
        finally:
            fork.kill()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(arguments, status, out.read(), err.read())


def run_code(code: str, environment: Mapping[str, str], *, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run `python -c CODE` likewise."""
    return run_module(["harness.python", code], environment, seconds=seconds)


def write_command(path: Path, *arguments: str) -> None:
    """Write an executable file that runs `python -m ARGUMENTS` with those given to it, likewise."""
    if server := fork_server():
        server.command(path, *arguments)
    else:
        path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", *arguments])} "$@"\n')
        path.chmod(0o755)


if __name__ == "__main__":
    code = sys.argv[1]
    sys.argv[:2] = ["-c"]
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
