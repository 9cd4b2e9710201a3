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
from uuid import uuid4

from benchmarks.resource_usage import Usage
from benchmarks.stand_in_client import StandIn, stand_in
from harkara import Client
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import count_by_state
from harness.ledger import open_ledger
from harness.postgres import PostgresServer
from harness.process import Process
from harness.valkey import ValkeyServer, valkey

WORKERS = 2


@dataclass
class Deployment:
    """Workers as the Procfile starts them; their Chat Mitra is the stand-in."""

    api: StandIn
    valkey: ValkeyServer
    postgres: PostgresServer
    database_url: str
    folder: Path
    settings: dict[str, str]
    ledger: Database
    workers: list[Process] = field(default_factory=list)

    def start_workers(self, number: int = WORKERS, *, ready: bool = True) -> list[Process]:
        """Start the workers at the same moment; return when they consume tasks, or at once without `ready`."""
        started = []
        for n in range(len(self.workers), len(self.workers) + number):
            command = [sys.executable, "-m", "celery", "-A", "workers.sender", "worker", "-n", f"worker-{n}@%h"]
            started.append(Process.start(f"worker-{n}", command, self.settings, self.folder))
        self.workers += started
        for worker in started if ready else ():
            worker.wait_for_output("ready.")
        return started

    def client(self) -> Client:
        """Return a client of the ledger, with Redis for the hints."""
        return Client(self.valkey.url, database_url=self.database_url, seconds=20)

    def intake_client(self) -> Client:
        """Return a client that knows Redis alone."""
        return Client(self.valkey.url)

    def states(self) -> Counter[str]:
        """Count the messages by state."""
        return sum((Counter(states) for states in count_by_state(self.ledger).values()), Counter[str]())

    def usage(self) -> Usage:
        """Measure the workers, the database and Redis together."""
        assert self.postgres.process
        return Usage.now([*(worker.popen.pid for worker in self.workers), self.postgres.process.pid, self.valkey.pid])

    def check(self) -> None:
        """Audit the ledger, without which a figure does not count. Raises AssertionError."""
        report = audit(self.ledger)
        assert report.clean, f"the audit found {report.findings}"


@dataclass(frozen=True, slots=True)
class Environment:
    """One PostgreSQL server for the whole run, with a new database for each measurement."""

    postgres: PostgresServer
    folder: Path

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        return self.postgres.create_database(f"b{uuid4().hex}")

    @contextmanager
    def deploy(self, limit: str = "none", appendfsync: str = "everysec", **settings: str) -> Iterator[Deployment]:
        """Deploy Harkara with an empty ledger and no worker yet. Its lane and the stand-in have the same `limit`."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        url = self.create_database()
        with (
            open_ledger(url, lock_timeout=20) as ledger,
            stand_in(limit) as api,
            valkey(appendonly="yes", appendfsync=appendfsync) as redis,
        ):
            defaults = {
                "HARKARA_REDIS_URL": redis.url,
                "HARKARA_DATABASE_URL": url,
                "HARKARA_VAR": str(folder),
                "HARKARA_LANES_FILE": str(folder / "none.toml"),
                "HARKARA_QUIET_HOURS": "none",
                "HARKARA_ALLOWANCE": limit,
                "CHATMITRA_API_URL": api.url,
                "CHATMITRA_API_TOKEN": "benchmark",
            }
            deployment = Deployment(api, redis, self.postgres, url, folder, defaults | settings, ledger)
            try:
                yield deployment
            finally:
                for worker in deployment.workers:
                    worker.kill()

    def describe(self) -> tuple[str, str]:
        """Return the versions of the database and of Redis."""
        with self.postgres.connect() as connection:
            facts = connection.execute("SELECT current_setting('server_version'), current_setting('fsync')").fetchone()
        with valkey() as server:
            command = [f"/proc/{server.pid}/exe", "--version"]
            words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return "PostgreSQL {}, fsync {}".format(*(facts or "??")), f"Valkey {words[2].removeprefix('v=')}"
