"""A whole deployment with its own services, as the Procfile starts it, for tests that cause faults."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from re import Match, sub
from typing import Any, TypeVar

from harkara import Client, Envelope, MessageStatus
from harkara.inbound.events import MessageReceived
from harkara.inbound.words import Words
from harkara.ledger.database import Database
from harkara.ledger.events.inbound_messages import record_received
from harkara.ledger.messages.queries import get_status
from harness.ledger import migrated
from harness.ports import free_port
from harness.process import ROOT, Process
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.acceptance.promises import Verdict, all_settled, are_settled, examine
from tests.acceptance.sandbox_client import SandboxClient
from tests.message_states import count_by_state

LEASE = 3
"""Seconds of a claim; short, since most tests wait until one expires."""

PATIENCE = 120.0
"""Seconds that a test waits for an event; only a busy host needs them."""

POLL_SECONDS = 0.1
"""Between two checks of a condition: most ask the database or the sandbox, which works for other tests meanwhile."""

TIMEOUTS = {"HARKARA_CONNECT_TIMEOUT": "5", "HARKARA_READ_TIMEOUT": "8"}
"""Timeouts of a POST in seconds; the lease of a message in `sending` is ten seconds longer.

They outlast a machine that stalls for some seconds: a lost response would have another result than the test expects.
"""

BY_WORKER_LEASE = {"HARKARA_READ_TIMEOUT": "500"}
"""A lease of `sending` that no test waits for, so that only the lease of its worker can end it."""

WEB_READY = "Uvicorn running on"
CELERY = ("celery",)
APP = ("-A", "workers.sender")

AnyDeployment = TypeVar("AnyDeployment", bound="Deployment")


class Deployment:
    """A database, a Valkey and a sandbox, with the processes that a test starts."""

    sandbox_address = web_address = "127.0.0.1"

    def __init__(self, folder: Path, valkey: ValkeyServer, database_url: str, settings: dict[str, str]) -> None:
        self.folder = folder
        self.valkey = valkey
        self.ledger = Database(database_url, lock_timeout=20)
        self.processes: list[Process] = []
        self._database_url = database_url
        self._settings = settings
        self._sandbox_port, self._web_port = free_port(), free_port()
        self.sandbox = SandboxClient(f"http://{self.sandbox_address}:{self._sandbox_port}")
        self.web = f"http://{self.web_address}:{self._web_port}"
        (folder / "playbook.toml").write_text(_shorten_delays((ROOT / "config" / "playbook.toml").read_text()))

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables of every process."""
        return {
            "HARKARA_REDIS_URL": self.valkey.url,
            "HARKARA_DATABASE_URL": self._database_url,
            "HARKARA_VAR": str(self.folder),
            "HARKARA_LANES_FILE": str(self.folder / "lanes.toml"),
            "HARKARA_PLAYBOOK_FILE": str(self.folder / "playbook.toml"),
            "HARKARA_LEASE": str(LEASE),
            "HARKARA_QUIET_HOURS": "none",
            "HARKARA_ALLOWANCE": "none",
            "CHATMITRA_API_TOKEN": "test-token",
            "CHATMITRA_API_URL": self.sandbox.send_message,
            **TIMEOUTS,
            **self._settings,
        }

    def shorten_evidence(self, seconds: int = 10) -> None:
        """Let an uncertain message that may be sent again wait so long for its webhook."""
        playbook = self.folder / "playbook.toml"
        playbook.write_text(
            playbook.read_text().replace("{ after = [60], evidence", f"{{ after = [{seconds}], evidence")
        )

    def start(self, kind: str, *arguments: str, **settings: str) -> Process:
        """Start `python -m ARGUMENTS` in this deployment."""
        name = f"{kind}-{len(self.processes)}"
        process = Process.fork(name, arguments, self.settings | settings, self.folder)
        self.processes.append(process)
        return process

    def start_sandbox(self) -> Process:
        """Start the sandbox, on the same port each time. It sends webhooks if the deployment has their secret."""
        settings = {
            "SANDBOX_PORT": str(self._sandbox_port),
            "SANDBOX_LIMIT": "none",
            "SANDBOX_HOST": self.sandbox_address,
        }
        if secret := self._settings.get("CHATMITRA_WEBHOOK_SECRET"):
            url = f"{self.web}/webhooks/chatmitra"
            settings |= {"SANDBOX_WEBHOOK_URL": url, "SANDBOX_WEBHOOK_SECRET": secret}
        process = self.start("sandbox", "workers.sandbox", **settings)
        process.wait_for_output("listening on")
        return process

    def start_worker(self, *, ready: bool = True, clock: float | str = 0, **settings: str) -> Process:
        """Start a worker; return when it consumes tasks, or at once without `ready`.

        `clock` is how many seconds its host's clock is ahead, or "0~90" for one that jumps.
        """
        worker = self.start("worker", *_celery(clock), *APP, "worker", "-n", f"w{len(self.processes)}@%h", **settings)
        if ready:
            worker.wait_for_output("ready.")
        return worker

    def start_workers(self, number: int, **settings: str) -> list[Process]:
        workers = [self.start_worker(ready=False, clock=0, **settings) for _ in range(number)]
        for worker in workers:
            worker.wait_for_output("ready.")
        return workers

    def replace_dead(self, workers: list[Process]) -> None:
        """Start a worker for each that has ended, as a process manager does."""
        for place, worker in enumerate(workers):
            if not worker.alive:
                workers[place] = self.start_worker(ready=False)

    def start_beat(self, *, clock: float | str = 0) -> Process:
        schedule = str(self.folder / f"beat-{len(self.processes)}")
        return self.start("beat", *_celery(clock), *APP, "beat", "-s", schedule, "--pidfile=")

    def start_flower(self, port: int, **settings: str) -> Process:
        return self.start("flower", *CELERY, *APP, "flower", "--address=127.0.0.1", f"--port={port}", **settings)

    def start_web(self, *, ready: bool = True, **settings: str) -> Process:
        """Start the HTTP API, on the same port each time; return when it listens, or at once without `ready`."""
        web = self.start("web", "workers.web", PORT=str(self._web_port), **settings)
        if ready:
            web.wait_for_output(WEB_READY)
        return web

    def client(self, **options: Any) -> Client:
        """Return a client that knows Redis alone."""
        return Client(self.settings["HARKARA_REDIS_URL"], **options)

    def direct_client(self, **options: Any) -> Client:
        """Return a client of the ledger, with Redis for the hints."""
        return self.client(database_url=self._database_url, **{"seconds": 20} | options)

    def accept(self, envelopes: Sequence[Envelope]) -> None:
        """Store the messages in the ledger. Raises AssertionError if one is refused."""
        with self.direct_client() as client:
            refused = [answer for answer in client.send_many(envelopes) if isinstance(answer, Exception)]
        assert refused == []

    def open_windows(self, numbers: Iterable[str]) -> None:
        """Open the 24-hour windows of customers, without which a lane with webhooks sends them only templates."""
        words = Words.load(ROOT / "config" / "words.toml")
        with self.ledger.write() as tx:
            for number in numbers:
                record_received(
                    tx, "default", MessageReceived(identity=number, sender=number, kind="text", at=tx.now), words
                )

    def states(self) -> Counter[str]:
        """Count the messages by state."""
        total: Counter[str] = Counter()
        for states in count_by_state(self.ledger).values():
            total.update(states)
        return total

    def status(self, envelope: Envelope) -> MessageStatus:
        return get_status(self.ledger, envelope.id)

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Wait until the condition holds. Raises TimeoutError with the states of all messages."""
        wait_until(condition, seconds, what, details=lambda: str(dict(self.states())), interval=POLL_SECONDS)

    def wait_accepted(self, number: int) -> None:
        """Wait until the sandbox has accepted this many messages."""
        self.wait_until(lambda: self.sandbox.counts()["accepted"] >= number, f"{number} are accepted")

    def is_settled(self, messages: int) -> bool:
        """Return whether the ledger has this many messages and none will change by itself."""
        return all_settled(self.ledger, messages)

    def wait_settled(self, messages: int, seconds: float = PATIENCE) -> Counter[str]:
        """Wait until the ledger has this many messages and none will change by itself; return the states."""
        self.wait_until(
            lambda: self.is_settled(messages),
            f"{messages} messages settle",
            seconds,
        )
        return self.states()

    def wait_supervised(self, messages: int, workers: list[Process], seconds: float = PATIENCE) -> Counter[str]:
        """Wait as `wait_settled` does, and replace workers that end meanwhile; return the states."""

        def is_settled() -> bool:
            self.replace_dead(workers)
            return self.is_settled(messages)

        self.wait_until(is_settled, f"{messages} messages settle", seconds)
        return self.states()

    def wait_verdict(self, envelopes: Sequence[Envelope]) -> Verdict:
        """Wait until the ledger has these messages and they have settled; return their verdict."""
        ids = [envelope.id for envelope in envelopes]
        self.wait_until(lambda: are_settled(self.ledger, ids), f"{len(ids)} of them settle")
        return self.examine(envelopes)

    def examine(self, envelopes: Sequence[Envelope]) -> Verdict:
        """Compare the messages with the sandbox's record and with the ledger."""
        return examine(self.ledger, envelopes, self.sandbox.accepted())

    def deliver(self, envelopes: Sequence[Envelope]) -> Verdict:
        """Accept the messages, wait until they have settled, and return their verdict."""
        self.accept(envelopes)
        return self.wait_verdict(envelopes)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
        self.ledger.close()

    def logs(self, lines: int = 12) -> str:
        """Return the last lines of every process."""
        return "\n".join(
            "\n".join([f"--- {process.name} ({process.popen.poll()})", *process.output().splitlines()[-lines:]])
            for process in self.processes
        )


def _celery(clock: float | str) -> tuple[str, ...]:
    return ("tests.acceptance.skewed_clock", str(clock)) if clock else CELERY


@contextmanager
def deployment(folder: Path, valkey: ValkeyServer, database_url: str, **settings: str) -> Iterator[Deployment]:
    """Run a deployment with its sandbox and no other process; kill all its processes at the end."""
    with unmigrated_deployment(folder, valkey, migrated(database_url), **settings) as running:
        yield running


@contextmanager
def unmigrated_deployment(
    folder: Path, valkey: ValkeyServer, database_url: str, **settings: str
) -> Iterator[Deployment]:
    """Run a deployment whose database keeps the schema that it has."""
    with stopped_at_end(Deployment(folder, valkey, database_url, settings)) as running:
        running.start_sandbox()
        yield running


@contextmanager
def stopped_at_end(running: AnyDeployment) -> Iterator[AnyDeployment]:
    """End all its processes at the end; an error has their logs as a note."""
    try:
        yield running
    except BaseException as error:
        error.add_note(running.logs())
        raise
    finally:
        running.stop()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold SQLite's write lock."""
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield


def _shorten_delays(playbook: str) -> str:
    """Return the playbook with a tenth of every delay."""

    def divide(match: Match[str]) -> str:
        return match[1] + sub(r"\d+", lambda seconds: f"{int(seconds[0]) / 10:g}", match[2])

    return sub(r"(\b(?:after|delays|base|cap|seconds) = )(\[[\d, ]*\]|\d+)", divide, playbook)
