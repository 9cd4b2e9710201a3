"""A whole deployment as the Procfile starts it, on parts of its own, to which a test may do harm."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from re import Match, sub
from threading import Lock
from typing import Any

from harkara import Client, Envelope, MessageStatus
from harkara.inbound import Received, Words
from harkara.ledger import migrate
from harkara.ledger.contacts.contacts import heard
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import count_by_state, get_status
from harness.ports import free_port
from harness.process import ROOT, Process
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.acceptance.promises import Verdict, examine, unsettled
from tests.acceptance.stand_in import StandIn

LEASE = 3
"""Seconds; short, since most tests wait for one to run out."""

PATIENCE = 120.0
"""Seconds that a test waits for what must happen; only a host that is busy with much else needs them."""

POST = {"HARKARA_CONNECT_TIMEOUT": "1", "HARKARA_READ_TIMEOUT": "2"}
"""The lease of what is being sent is ten seconds longer than these."""

WEB_READY = "Uvicorn running on"
CELERY = ("-m", "celery")
APP = ("-A", "workers.sender")
ALEMBIC = Lock()
"""Its context is one for the whole process."""


class Deployment:
    """A database, a Valkey and a sandbox, and as many workers and beats as a test starts."""

    def __init__(self, folder: Path, valkey: ValkeyServer, database_url: str, settings: dict[str, str]) -> None:
        self.folder = folder
        self.valkey = valkey
        self.ledger = Database(database_url, lock_timeout=20)
        self.processes: list[Process] = []
        self._database_url = database_url
        self._settings = settings
        self._sandbox_port, self._web_port = free_port(), free_port()
        self.sandbox = StandIn(f"http://127.0.0.1:{self._sandbox_port}")
        self.web = f"http://127.0.0.1:{self._web_port}"
        (folder / "playbook.toml").write_text(hasty((ROOT / "config" / "playbook.toml").read_text()))
        with ALEMBIC:
            migrate.upgrade(self.ledger)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of every process of it."""
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
            **POST,
            **self._settings,
        }

    def start_sandbox(self) -> Process:
        """On the same port each time, so that it may go away and come back. It answers back if anybody can hear it."""
        settings = {"SANDBOX_PORT": str(self._sandbox_port), "SANDBOX_LIMIT": "none"}
        if secret := self._settings.get("CHATMITRA_WEBHOOK_SECRET"):
            url = f"{self.web}/webhooks/chatmitra"
            settings |= {"SANDBOX_WEBHOOK_URL": url, "SANDBOX_WEBHOOK_SECRET": secret}
        process = self.start("sandbox", "-m", "workers.sandbox", **settings)
        process.wait_for_output("listening on")
        return process

    def start_worker(self, *, ready: bool = True, clock: float = 0, **settings: str) -> Process:
        """Returns when it takes tasks, or at once for one that is to die before that.

        `clock` is how many seconds the clock of its host is ahead.
        """
        celery = ("-m", "tests.acceptance.skewed", str(clock)) if clock else CELERY
        worker = self.start("worker", *celery, *APP, "worker", "-n", f"w{len(self.processes)}@%h", **settings)
        if ready:
            worker.wait_for_output("ready.")
        return worker

    def start_workers(self, number: int, **settings: str) -> list[Process]:
        workers = [self.start_worker(ready=False, clock=0, **settings) for _ in range(number)]
        for worker in workers:
            worker.wait_for_output("ready.")
        return workers

    def start_beat(self) -> Process:
        schedule = str(self.folder / f"beat-{len(self.processes)}")
        return self.start("beat", *CELERY, *APP, "beat", "-s", schedule, "--pidfile=")

    def start_flower(self, port: int, **settings: str) -> Process:
        return self.start("flower", *CELERY, *APP, "flower", "--address=127.0.0.1", f"--port={port}", **settings)

    def start_web(self, *, ready: bool = True) -> Process:
        """The web door, on the same port each time; returns when it answers, or at once."""
        web = self.start("web", "-m", "workers.web", PORT=str(self._web_port))
        if ready:
            web.wait_for_output(WEB_READY)
        return web

    def client(self, **options: Any) -> Client:
        """The door for an application that knows Redis alone."""
        return Client(self.valkey.url, **options)

    def direct_client(self, **options: Any) -> Client:
        """The door straight into the ledger."""
        return Client(self.valkey.url, database_url=self._database_url, **{"seconds": 20} | options)

    def hand_over(self, envelopes: Sequence[Envelope]) -> None:
        """Straight into the ledger; every one of them must be taken."""
        with self.direct_client() as client:
            refused = [answer for answer in client.send_many(envelopes) if isinstance(answer, Exception)]
        assert refused == []

    def customers_write(self, numbers: Iterable[str]) -> None:
        """Opens their windows: where webhooks are heard, what is no template goes to nobody else."""
        words = Words.load(ROOT / "config" / "words.toml")
        with self.ledger.write() as tx:
            for number in numbers:
                heard(tx, "default", Received(identity=number, sender=number, kind="text", at=tx.now), words)

    def states(self) -> Counter[str]:
        """How many messages are in each state."""
        total: Counter[str] = Counter()
        for states in count_by_state(self.ledger).values():
            total.update(states)
        return total

    def status(self, envelope: Envelope) -> MessageStatus:
        return get_status(self.ledger, envelope.id)

    def wait(self, true: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Waits for something to come true; when it does not, says where the messages are."""
        wait_until(true, seconds, what, details=lambda: str(dict(self.states())))

    def wait_accepted(self, number: int) -> None:
        """Until the sandbox has accepted so many."""
        self.wait(lambda: self.sandbox.counts()["accepted"] >= number, f"{number} are accepted")

    def wait_settled(self, messages: int, seconds: float = PATIENCE) -> Counter[str]:
        """Until so many messages are there and none moves any more by itself; returns how many are in each state."""
        self.wait(
            lambda: self.states().total() >= messages and not unsettled(self.ledger),
            f"{messages} messages settle",
            seconds,
        )
        return self.states()

    def wait_for(self, envelopes: Sequence[Envelope]) -> Verdict:
        """Until each of these has settled; returns what became of them."""
        ids = {envelope.id for envelope in envelopes}
        self.wait(lambda: not unsettled(self.ledger) & ids, f"{len(ids)} of them settle")
        return self.examine(envelopes)

    def examine(self, handed_over: Sequence[Envelope]) -> Verdict:
        """What became of these, by the sandbox's word and the ledger's."""
        return examine(self.ledger, handed_over, self.sandbox.accepted())

    def deliver(self, envelopes: Sequence[Envelope]) -> Verdict:
        """Hands them over, waits until each has settled, and tells what became of them."""
        self.hand_over(envelopes)
        return self.wait_for(envelopes)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
        self.ledger.close()

    def logs(self, lines: int = 12) -> str:
        """The last lines of every process."""
        ends = ("\n".join(process.output().splitlines()[-lines:]) for process in self.processes)
        return "\n".join(f"--- {p.name} ({p.popen.poll()})\n{end}" for p, end in zip(self.processes, ends, strict=True))

    def start(self, kind: str, *arguments: str, **settings: str) -> Process:
        """Any process of Python in this deployment, by its arguments."""
        name = f"{kind}-{len(self.processes)}"
        process = Process.start(name, [sys.executable, *arguments], self.settings | settings, self.folder)
        self.processes.append(process)
        return process


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """SQLite's one writer is somebody else."""
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield


def hasty(playbook: str) -> str:
    """The same playbook with a tenth of every delay."""

    def tenth(figures: Match[str]) -> str:
        return figures[1] + sub(r"\d+", lambda seconds: f"{int(seconds[0]) / 10:g}", figures[2])

    return sub(r"(\b(?:after|delays|base|cap|seconds) = )(\[[\d, ]*\]|\d+)", tenth, playbook)


@contextmanager
def deployment(folder: Path, valkey: ValkeyServer, database_url: str, **settings: str) -> Iterator[Deployment]:
    """With its sandbox running, and nothing else yet. Whatever was started is killed at the end."""
    one = Deployment(folder, valkey, database_url, settings)
    try:
        one.start_sandbox()
        yield one
    except BaseException as error:
        error.add_note(one.logs())
        raise
    finally:
        one.stop()
