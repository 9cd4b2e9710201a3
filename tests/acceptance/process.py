"""One process of a deployment: started with a log of its own, and open to every harm."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ("HARKARA_", "CHATMITRA_", "SANDBOX_", "FLOWER_", "REDIS_URL", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE")
"""What a test process must not inherit; without bytecode every start would compile everything anew."""


@dataclass
class Process:
    """A running process, the leader of its own group, and its log."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, name: str, command: Sequence[str], settings: Mapping[str, str], folder: Path) -> Process:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        log = folder / f"{name}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**inherited, "PYTHONUNBUFFERED": "1", **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(name, popen, log)

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    @property
    def frozen(self) -> bool:
        """Whether it is stopped, be it by itself."""
        status = Path(f"/proc/{self.popen.pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "T"

    def kill9(self) -> None:
        """SIGKILL to the whole group, as when a container runs out of memory."""
        if self.alive:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def freeze(self) -> None:
        os.killpg(self.popen.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self.alive:
            os.killpg(self.popen.pid, signal.SIGCONT)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 45) -> int:
        """As a process manager stops it: a signal to the whole group, and time to finish. Returns its exit status."""
        os.killpg(self.popen.pid, number)
        return self.popen.wait(seconds)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, words: str, seconds: float = 120) -> None:
        until(lambda: words in self.said() or not self.alive, seconds, f"{self.name} says {words!r}", self.said)
        assert words in self.said(), f"{self.name} ended:\n{self.said()[-3000:]}"

    def wait_dead(self, seconds: float = 120) -> None:
        """For one that kills itself."""
        until(lambda: not self.alive, seconds, f"{self.name} dies", self.said)
        assert self.popen.returncode == -signal.SIGKILL, f"{self.name} ended by itself:\n{self.said()[-3000:]}"


def until(true: Callable[[], object], seconds: float, what: str, told: Callable[[], str] = lambda: "") -> None:
    """Waits for something to come true, and says what it was, and how things stand, when it does not."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}; {told()[-3000:]}")
        time.sleep(0.1)
