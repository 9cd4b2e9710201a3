"""A deployment whose parts run on hosts of their own. The applications and Chat Mitra's stand-in are outside."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from harkara import Envelope, Unavailable
from harkara.ledger.tables import attempt
from harness.hosts import NetworkHost
from harness.process import Process
from harness.waiting import wait_until
from tests.acceptance.deployment import APP, PATIENCE, WEB_READY, Deployment, stopped_at_end
from tests.acceptance.http_client import API_TOKENS
from tests.acceptance.messages import new_messages
from tests.hosts.servers import API, WORKERS, Servers

COUNT, WINDOW = 100, 10.0
LIMIT = f"{COUNT}/{WINDOW:g}s"
THREADS = 8
LATENCY_MS = 50
"""Of Chat Mitra's stand-in."""

SETTINGS = {
    "HARKARA_ALLOWANCE": LIMIT,
    "HARKARA_LEASE": "5",
    "HARKARA_THREADS": str(THREADS),
    # Shorter than in production, so that a fault of 30 s outlasts each of them.
    "HARKARA_CONNECT_TIMEOUT": "2",
    "HARKARA_READ_TIMEOUT": "5",
    **API_TOKENS,
}


class Fleet(Deployment):
    """Two workers and the HTTP API, each on a host. A process runs on the host that has the name of its kind."""

    def __init__(
        self,
        folder: Path,
        hosts: Mapping[str, NetworkHost],
        servers: Servers,
        clocks: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.hosts = hosts
        self._clocks = clocks
        self.web_address = hosts[API].address
        self.sandbox_address = hosts[API].gateway
        self._off: set[str] = set()
        own = {"HARKARA_WEB_ADDRESS": self.web_address, "HARKARA_REDIS_URL": servers.redis_url}
        super().__init__(folder, servers.redis, servers.database_url, SETTINGS | own)

    def start(self, kind: str, *arguments: str, **settings: str) -> Process:
        if kind not in self.hosts:
            return super().start(kind, *arguments, **settings)
        name = f"{kind}-{len(self.processes)}"
        below = ["tests.hosts.relative_sleep"] if kind in self._clocks else []
        command = [sys.executable, "-m", *below, *arguments]
        environment = {**self.settings, **settings, **self._clocks.get(kind, {})}
        process = Process.start(name, command, environment, self.folder, self.hosts[kind])
        self.processes.append(process)
        return process

    def start_on(self, host: str) -> Process:
        """Start a worker on a host; return at once."""
        return self.start(host, "celery", *APP, "worker", "-n", f"w{len(self.processes)}@%h")

    def start_all(self) -> None:
        """Start a worker on each of its hosts and the HTTP API; return when they are ready."""
        workers = [self.start_on(name) for name in WORKERS]
        self.start_web(ready=False).wait_for_output(WEB_READY)
        for worker in workers:
            worker.wait_for_output("ready.")

    def running(self, kind: str) -> Process:
        """Return the process that was last started on a host."""
        return next(each for each in reversed(self.processes) if each.name.startswith(f"{kind}-"))

    def supervise(self) -> None:
        """Start again what has ended, as the process manager of each host does."""
        for name in (*WORKERS, API):
            if name not in self._off and not self.running(name).alive:
                self.start_web(ready=False) if name == API else self.start_on(name)

    def wait_settled_supervised(self, messages: int) -> float:
        """Wait until the ledger has this many messages and none will change by itself; return that moment.

        A moment is one of time.monotonic.
        """

        def is_settled() -> bool:
            self.supervise()
            try:
                return self.is_settled(messages)
            except Unavailable:  # the ledger's connections of this test, too, led to a server that is gone
                return False

        self.wait_until(is_settled, f"{messages} messages settle")
        return time.monotonic()

    def wait_workers_send(self) -> list[Envelope]:
        """Send one message after the other until every worker has sent one; return them. Raises TimeoutError."""
        sent: list[Envelope] = []

        def has_sent_each() -> bool:
            self.supervise()
            sent.extend(new_messages(1))
            self.accept(sent[-1:])
            return {self.running(name).popen.pid for name in WORKERS} <= self._senders(sent)

        wait_until(has_sent_each, PATIENCE, "every worker sends", details=self.logs, interval=0.5)
        return sent

    def _senders(self, envelopes: Sequence[Envelope]) -> set[int]:
        """Return the process ids of the workers that posted these messages."""
        ids = [envelope.id for envelope in envelopes]
        with self.ledger.read() as tx:
            found = tx.rows(select(attempt.c.worker).where(attempt.c.message_id.in_(ids)).distinct())
        return {int(row["worker"].split(":")[1]) for row in found}

    @contextmanager
    def powered_off(self, name: str) -> Iterator[None]:
        """Power a host off meanwhile: its processes die, and no other host gets a last packet."""
        self._off.add(name)
        self.hosts[name].power_off()
        yield
        self.hosts[name].plug()
        self._off.remove(name)


@contextmanager
def fleet(
    folder: Path, hosts: Mapping[str, NetworkHost], servers: Servers, clocks: Mapping[str, Mapping[str, str]]
) -> Iterator[Fleet]:
    """Run a deployment on these hosts and servers, with its sandbox; end all its processes at the end."""
    with stopped_at_end(Fleet(folder, hosts, servers, clocks)) as running:
        running.start_sandbox()
        running.sandbox.set_faults(limit=LIMIT, latency_ms=LATENCY_MS)
        running.start_all()
        yield running
