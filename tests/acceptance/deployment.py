"""A whole deployment as the Procfile starts it, on parts of its own, to which a test may do harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harkara import Client, Envelope, Text
from harkara.ledger import migrate
from harkara.ledger.audit import Report, audit
from harkara.ledger.database import Database
from harkara.ledger.read import counts, listing
from harkara.ledger.tables import attempt, message
from tests.services import Server

ROOT = Path(__file__).resolve().parents[2]
SETTLED = frozenset({"accepted", "failed", "cancelled", "uncertain"})


@dataclass
class Process:
    """One process and its log."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def kill9(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def freeze(self) -> None:
        self.popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.popen.send_signal(signal.SIGCONT)

    def terminate(self, seconds: float = 45) -> int:
        """As a deployment stops a process: SIGTERM to its whole group, and time to finish."""
        self.thaw()
        os.killpg(self.popen.pid, signal.SIGTERM)
        return self.popen.wait(seconds)

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def wait_for(self, words: str, seconds: float = 30) -> None:
        until(lambda: words in self.log.read_text() or not self.alive, seconds, f"{self.name} says {words!r}")
        assert self.alive, f"{self.name} ended:\n{self.log.read_text()[-3000:]}"


@dataclass
class Deployment:
    """Valkey, a database, the sandbox, and as many workers and beats as a test starts."""

    folder: Path
    valkey: Server
    database_url: str
    settings: dict[str, str]
    processes: list[Process] = field(default_factory=list)
    sandbox_url: str = ""

    @property
    def ledger(self) -> Database:
        return self._ledger

    def __post_init__(self) -> None:
        self._ledger = Database(self.database_url, patience=20)
        migrate.upgrade(self._ledger)

    def environment(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("HARKARA_", "CHATMITRA_", "SANDBOX_"))}
        ours = {
            "HARKARA_REDIS_URL": self.valkey.url,
            "HARKARA_DATABASE_URL": self.database_url,
            "HARKARA_VAR": str(self.folder),
            "HARKARA_LEASE": "3",
            "HARKARA_QUIET_HOURS": "",
            "HARKARA_ALLOWANCE": "none",
            "CHATMITRA_API_TOKEN": "test-token",
            "CHATMITRA_API_URL": f"{self.sandbox_url}/developer/api/send_message",
            "PYTHONUNBUFFERED": "1",
        }
        return clean | ours | self.settings

    def start_sandbox(self) -> Process:
        process = self._start(
            "sandbox", [sys.executable, "-m", "workers.sandbox"], {"SANDBOX_PORT": "0", "SANDBOX_LIMIT": "none"}
        )
        process.wait_for("listening on")
        self.sandbox_url = process.log.read_text().split("listening on ")[1].split()[0]
        return process

    def start_worker(self, *, ready: bool = True, **settings: str) -> Process:
        name = f"worker-{len(self.processes)}"
        command = _celery("worker", "-n", f"{name}@%h", "--loglevel", "INFO")
        process = self._start(name, command, settings)
        if ready:
            process.wait_for("ready.")
        return process

    def start_beat(self) -> Process:
        name = f"beat-{len(self.processes)}"
        return self._start(name, _celery("beat", "-s", str(self.folder / name), "--pidfile="), {})

    def client(self, **options: Any) -> Client:
        return Client(self.valkey.url, **options)

    def direct_client(self, **options: Any) -> Client:
        return Client(self.valkey.url, database_url=self.database_url, seconds=20, **options)

    def faults(self, **switches: Any) -> None:
        _call(f"{self.sandbox_url}/_sandbox/faults", switches)

    def forget_faults(self) -> None:
        _call(f"{self.sandbox_url}/_sandbox/faults", method="DELETE")

    def sandbox_counts(self, window: float = 60) -> dict[str, Any]:
        found: dict[str, Any] = _call(f"{self.sandbox_url}/_sandbox/counts?window={window}")
        return found

    def states(self) -> Counter[str]:
        """How many messages are in each state."""
        total: Counter[str] = Counter()
        for states in counts(self.ledger).values():
            total.update(states)
        return total

    def wait_settled(self, messages: int, seconds: float = 90) -> Counter[str]:
        """Waits until so many messages are there and none moves any more by itself."""
        until(lambda: self._settled(messages), seconds, f"{messages} messages settle", lambda: str(self.states()))
        return self.states()

    def rows(self) -> list[dict[str, Any]]:
        return listing(self.ledger, limit=100_000)

    def audit(self) -> Report:
        return audit(self.ledger)

    def twice_in_silence(self) -> list[str]:
        """Contents that the sandbox accepted more than once, but for those whose message carries the flag."""
        with self.ledger.read() as tx:
            flagged = set(
                tx.execute(message.select().with_only_columns(message.c.id).where(message.c.maybe_duplicate)).scalars()
            )
            jobs = dict(tx.execute(attempt.select().with_only_columns(attempt.c.job_id, attempt.c.message_id)).all())
        return [
            twice["content"]
            for twice in self.sandbox_counts()["duplicate_contents"]
            if not flagged.intersection(jobs.get(job, "") for job in twice["jobIds"])
        ]

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.thaw()
            process.popen.kill()
            process.popen.wait()
        self.ledger.close()

    def _settled(self, messages: int) -> bool:
        states = self.states()
        if states.total() < messages or set(states) - SETTLED:
            return False
        with self.ledger.read() as tx:
            pending = message.select().with_only_columns(message.c.id).where(message.c.resend_at.is_not(None)).limit(1)
            return tx.execute(pending).first() is None

    def _start(self, name: str, command: list[str], settings: dict[str, str]) -> Process:
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment() | settings,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        process = Process(name, popen, log)
        self.processes.append(process)
        return process


@contextmanager
def deployment(folder: Path, valkey: Server, database_url: str, **settings: str) -> Iterator[Deployment]:
    """With its sandbox running, and nothing else yet. Whatever was started is killed at the end."""
    one = Deployment(folder, valkey, database_url, settings)
    try:
        one.start_sandbox()
        yield one
    finally:
        one.stop()


def texts(number: int, *, first: int = 0, **options: Any) -> list[Envelope]:
    """Messages to so many different people, each with a text of its own."""
    return [
        Envelope(to=f"9198{n:08d}", messages=[Text(f"Your order #{n} is ready.")], **options)
        for n in range(10_000_000 + first, 10_000_000 + first + number)
    ]


def until(true: Callable[[], bool], seconds: float, what: str, told: Callable[[], str] = lambda: "") -> None:
    """Waits for something to come true, and says what it was when it does not."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}; {told()}")
        time.sleep(0.1)


def ids(handles: Iterable[Any]) -> list[str]:
    return [handle.id for handle in handles]


def _celery(*words: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "workers.sender", *words]


def _call(url: str, change: dict[str, Any] | None = None, method: str | None = None) -> Any:
    data = json.dumps(change).encode() if change is not None else None
    how = method or ("PATCH" if data else "GET")
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=how)
    with urllib.request.urlopen(request, timeout=20) as answer:
        body = answer.read()
    return json.loads(body) if body else None
