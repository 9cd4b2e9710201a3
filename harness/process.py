"""One process of a deployment: started with its own log file, and open to every signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.fork_server import Fork, fork_server
from harness.host import LOOPBACK, Host
from harness.waiting import DETAILS, wait_until

ROOT = Path(__file__).resolve().parents[1]
"""The repository, in which every process starts."""

NOT_INHERITED = (
    "HARKARA_",
    "CHATMITRA_",
    "SANDBOX_",
    "FLOWER_",
    "OTEL_",
    "REDIS_URL",
    "DATABASE_URL",
    "PYTHONDONTWRITEBYTECODE",
)
"""Prefixes of environment variables that a process must not inherit; without bytecode each start would compile all."""


@dataclass
class Process:
    """A running process, which leads its own process group, and its log file."""

    name: str
    popen: subprocess.Popen[bytes] | Fork
    log: Path

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        settings: Mapping[str, str],
        folder: Path,
        host: Host = LOOPBACK,
        *,
        root: Path = ROOT,
    ) -> Process:
        """Start the command in `root` with these environment variables; its output goes to `NAME.log` in the folder."""
        log = folder / f"{name}.log"
        with log.open("wb") as output:
            popen = host.start(
                command,
                cwd=root,
                env=_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(name, popen, log)

    @classmethod
    def fork(cls, name: str, arguments: Sequence[str], settings: Mapping[str, str], folder: Path) -> Process:
        """Start `python -m ARGUMENTS` likewise, as a fork of a process that has imported the libraries."""
        server = fork_server()
        if server is None:
            return cls.start(name, [sys.executable, "-m", *arguments], settings, folder)
        log = folder / f"{name}.log"
        with log.open("wb") as output:
            fork = server.start(arguments, _environment(settings), output.fileno(), output.fileno())
        return cls(name, fork, log)

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    @property
    def suspended(self) -> bool:
        """Whether a signal has stopped it, its own or ours."""
        status = Path(f"/proc/{self.popen.pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "T"

    def kill(self) -> None:
        """Send SIGKILL to the whole group, as when a container runs out of memory."""
        if self.alive:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def suspend(self) -> None:
        """Stop the whole group with SIGSTOP, as on a host that swaps."""
        os.killpg(self.popen.pid, signal.SIGSTOP)

    def resume(self) -> None:
        if self.alive:
            os.killpg(self.popen.pid, signal.SIGCONT)

    def terminate(self, number: signal.Signals = signal.SIGTERM, seconds: float = 45) -> int:
        """Signal the whole group, as a process manager does, and wait for the end; return the exit status."""
        os.killpg(self.popen.pid, number)
        return self.popen.wait(seconds)

    def output(self) -> str:
        """Return everything that the process has written so far."""
        return self.log.read_text(errors="replace")

    def wait_for_output(self, text: str, seconds: float = 120) -> None:
        """Wait until the output contains the text. Raises AssertionError when the process ends without it."""
        wait_until(
            lambda: text in self.output() or not self.alive,
            seconds,
            f"{text!r} in the output of {self.name}",
            details=self.output,
        )
        assert text in self.output(), f"{self.name} ended:\n{self.output()[-DETAILS:]}"

    def wait_killed(self, seconds: float = 120) -> None:
        """Wait until the process has died of SIGKILL. Raises AssertionError for any other exit status."""
        wait_until(lambda: not self.alive, seconds, f"{self.name} dies", details=self.output)
        status = self.popen.returncode
        assert status == -signal.SIGKILL, f"{self.name} ended with status {status}:\n{self.output()[-DETAILS:]}"


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(NOT_INHERITED)}
    return {**inherited, "PYTHONUNBUFFERED": "1", **settings}
