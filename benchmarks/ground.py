"""What every benchmark measures on: a PostgreSQL that syncs, a Valkey, the stand-in, and Harkara as deployed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from benchmarks.api import Api, stand_in
from benchmarks.letters import recipient, text
from benchmarks.usage import Usage
from harkara import Client, Envelope, Text
from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import count_by_state
from harness.postgres import PostgresServer
from harness.process import Process
from harness.valkey import ValkeyServer, valkey

WORKERS = 2


@dataclass
class Harkara:
    """Workers as the Procfile starts them; their Chat Mitra is the stand-in."""

    api: Api
    valkey: ValkeyServer
    postgres: PostgresServer
    database_url: str
    folder: Path
    settings: dict[str, str]
    ledger: Database
    workers: list[Process] = field(default_factory=list)

    def start_workers(self, number: int = WORKERS, *, ready: bool = True) -> list[Process]:
        """All at the same moment."""
        started = []
        for n in range(len(self.workers), len(self.workers) + number):
            command = [sys.executable, "-m", "celery", "-A", "workers.sender", "worker", "-n", f"worker-{n}@%h"]
            started.append(Process.start(f"worker-{n}", command, self.settings, self.folder))
        self.workers += started
        for worker in started if ready else ():
            worker.wait_for_output("ready.")
        return started

    def client(self) -> Client:
        """The ledger door, with Redis for the hints."""
        return Client(self.valkey.url, database_url=self.database_url, seconds=20)

    def intake_client(self) -> Client:
        return Client(self.valkey.url)

    def states(self) -> Counter[str]:
        """How many messages are in each state."""
        return sum((Counter(states) for states in count_by_state(self.ledger).values()), Counter[str]())

    def usage(self) -> Usage:
        """Of everything that Harkara needs: workers, database, Redis."""
        assert self.postgres.process
        return Usage.now([*(worker.popen.pid for worker in self.workers), self.postgres.process.pid, self.valkey.pid])

    def check(self) -> None:
        """A figure counts only if the ledger is right. Raises AssertionError."""
        report = audit(self.ledger)
        assert report.clean, f"the audit found {report.findings}"


@dataclass(frozen=True, slots=True)
class Ground:
    """One PostgreSQL for the whole run, with an empty database for everybody who asks."""

    postgres: PostgresServer
    folder: Path

    def database(self) -> str:
        """The URL of an empty one."""
        return self.postgres.create_database(f"b{uuid4().hex}")

    @contextmanager
    def harkara(self, limit: str = "none", appendfsync: str = "everysec", **settings: str) -> Iterator[Harkara]:
        """With an empty ledger and no worker yet. Its lane and the stand-in have the same `limit`."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        url = migrated(self.database())
        with stand_in(limit) as api, valkey(appendonly="yes", appendfsync=appendfsync) as redis:
            own = {
                "HARKARA_REDIS_URL": redis.url,
                "HARKARA_DATABASE_URL": url,
                "HARKARA_VAR": str(folder),
                "HARKARA_LANES_FILE": str(folder / "none.toml"),
                "HARKARA_QUIET_HOURS": "none",
                "HARKARA_ALLOWANCE": limit,
                "CHATMITRA_API_URL": api.url,
                "CHATMITRA_API_TOKEN": "benchmark",
            }
            one = Harkara(api, redis, self.postgres, url, folder, own | settings, Database(url, lock_timeout=20))
            try:
                yield one
            finally:
                for worker in one.workers:
                    worker.kill()
                one.ledger.close()

    def describe(self) -> tuple[str, str]:
        """The database and the Redis in words."""
        with psycopg.connect(self.postgres.url.replace("+psycopg", "")) as connection:
            facts = connection.execute("SELECT current_setting('server_version'), current_setting('fsync')").fetchone()
        with valkey() as server:
            command = [f"/proc/{server.pid}/exe", "--version"]
            words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return "PostgreSQL {}, fsync {}".format(*(facts or "??")), f"Valkey {words[2].removeprefix('v=')}"


def migrated(url: str) -> str:
    """The same, with Harkara's tables."""
    db = Database(url)
    migrate.upgrade(db)
    db.close()
    return url


def messages(number: int, **options: Any) -> Iterator[Envelope]:
    """As many, checked; templates that a business sends, as far as urgency goes, unless `options` say otherwise."""
    for n in range(number):
        yield Envelope(to=recipient(n), messages=[Text(text(n))], **({"category": "utility"} | options))
