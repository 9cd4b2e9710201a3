"""What every benchmark measures on: a PostgreSQL that syncs, a Valkey, the stand-in, and Harkara as deployed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, create_engine, text

from benchmarks.resource_usage import Usage
from benchmarks.stand_in_client import StandIn, stand_in
from harkara import Client
from harness.ledger import migrated
from harness.ports import free_port
from harness.postgres import PostgresServer
from harness.process import NOT_INHERITED, ROOT, Process
from harness.valkey import ValkeyServer, valkey

WORKERS = 2

TOKEN = "token-of-the-benchmark"
"""The token of the HTTP API's caller."""

WEBHOOK_SECRET = "secret-of-the-benchmark"


@dataclass
class Deployment:
    """Workers as the Procfile starts them; their Chat Mitra is the stand-in."""

    api: StandIn
    valkey: ValkeyServer
    postgres: PostgresServer
    database_url: str
    folder: Path
    settings: dict[str, str]
    ledger: Engine
    workers: list[Process] = field(default_factory=list)
    web: list[Process] = field(default_factory=list)

    def start_workers(self, number: int = WORKERS, *, ready: bool = True) -> list[Process]:
        """Start the workers at the same moment; return when they consume tasks, or at once without `ready`."""
        started = []
        for n in range(len(self.workers), len(self.workers) + number):
            command = [sys.executable, "-m", "workers.worker", "-n", f"worker-{n}@%h"]
            started.append(Process.start(f"worker-{n}", command, self.settings, self.folder))
        self.workers += started
        for worker in started if ready else ():
            worker.wait_for_output("ready.")
        return started

    def start_web(self) -> str:
        """Start the HTTP API and return its URL."""
        port = free_port()
        command = [sys.executable, "-m", "workers.web"]
        web = Process.start("web", command, self.settings | {"PORT": str(port)}, self.folder)
        self.web.append(web)
        web.wait_for_output("Uvicorn running on")
        return f"http://127.0.0.1:{port}"

    def run_command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `harkara` as an operator does in a shell."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(NOT_INHERITED)}
        command = [str(Path(sys.executable).with_name("harkara")), *words]
        return subprocess.run(command, env=inherited | self.settings, cwd=ROOT, capture_output=True, text=True)

    def client(self) -> Client:
        """Return a client of the ledger, with Redis for the hints."""
        return Client(self.valkey.url, database_url=self.database_url, seconds=20)

    def intake_client(self) -> Client:
        """Return a client that knows Redis alone."""
        return Client(self.valkey.url)

    def states(self) -> Counter[str]:
        """Count the messages by state."""
        with self.ledger.connect() as connection:
            rows = connection.execute(text("SELECT state, count(*) FROM message GROUP BY state"))
            return Counter({state: number for state, number in rows})

    def usage(self) -> Usage:
        """Measure the workers, the database and Redis together."""
        return Usage.now([*(worker.popen.pid for worker in self.workers), self.postgres.pid, self.valkey.pid])

    def check(self) -> None:
        """Audit the ledger, without which a figure does not count. Raises AssertionError."""
        done = self.run_command("audit", "--json")
        assert done.returncode == 0, f"the audit found {json.loads(done.stdout or '{}') or done.stderr}"


@dataclass(frozen=True, slots=True)
class Environment:
    """One PostgreSQL server for the whole run, with a new database for each measurement."""

    postgres: PostgresServer
    folder: Path
    history: int = 10_000_000
    """Messages of the larger ledger of the benchmark `history`."""

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        return self.postgres.create_database(f"b{uuid4().hex}")

    @contextmanager
    def deploy(
        self, limit: str = "none", appendfsync: str = "everysec", *, sqlite: bool = False, **settings: str
    ) -> Iterator[Deployment]:
        """Deploy Harkara with an empty ledger and no process yet. Its lane and the stand-in have the same `limit`."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        url = migrated(f"sqlite:///{folder / 'harkara.db'}" if sqlite else self.create_database())
        ledger = create_engine(url)
        with stand_in(limit) as api, valkey(appendonly="yes", appendfsync=appendfsync) as redis:
            defaults = {
                "HARKARA_REDIS_URL": redis.url,
                "HARKARA_DATABASE_URL": url,
                "HARKARA_VAR": str(folder),
                "HARKARA_LANES_FILE": str(folder / "none.toml"),
                "HARKARA_QUIET_HOURS": "none",
                "HARKARA_ALLOWANCE": limit,
                "HARKARA_API_TOKENS": f"benchmark:{TOKEN}",
                "HARKARA_API_LIMIT": "none",
                "CHATMITRA_API_URL": api.url,
                "CHATMITRA_API_TOKEN": "benchmark",
            }
            deployment = Deployment(api, redis, self.postgres, url, folder, defaults | settings, ledger)
            try:
                yield deployment
            finally:
                for process in [*deployment.workers, *deployment.web]:
                    process.kill()
                ledger.dispose()

    def describe(self) -> tuple[str, str]:
        """Return the versions of the database and of Redis."""
        with self.postgres.connect() as connection:
            facts = connection.execute("SELECT current_setting('server_version'), current_setting('fsync')").fetchone()
        with valkey() as server:
            command = [f"/proc/{server.pid}/exe", "--version"]
            words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return "PostgreSQL {}, fsync {}".format(*(facts or "??")), f"Valkey {words[2].removeprefix('v=')}"
