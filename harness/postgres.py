"""An empty PostgreSQL server on a free port: from this machine's packages, otherwise from the wheel `pgserver`."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg

from harness.host import LOOPBACK, Host
from harness.ports import free_port
from harness.waiting import wait_until

OVERFLOW_UID = 65_534
"""The unprivileged user of every Linux system (proc(5), /proc/sys/kernel/overflowuid)."""

START_SECONDS = 60.0
"""Seconds that a start may take, with the recovery after a crash."""


class PostgresUnavailable(Exception):
    """This machine has no PostgreSQL, and pip cannot install one."""


@dataclass
class PostgresServer:
    """A server process, on loopback unless it has a host.

    `start` after `stop` or `kill` uses the same port and directory.
    """

    binaries: Path
    folder: Path
    port: int
    user: str | None
    options: Sequence[str] = ()
    host: Host = LOOPBACK
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return self.database_url("postgres")

    @property
    def pid(self) -> int:
        assert self.process is not None, "the server is not running"
        return self.process.pid

    def database_url(self, name: str) -> str:
        return f"postgresql+psycopg://harkara@{self.host.address}:{self.port}/{name}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open an autocommit connection. Raises psycopg.OperationalError."""
        return psycopg.connect(driver_url(self.database_url(database)), autocommit=True, connect_timeout=30)

    def create_database(self, name: str, *, encoding: str = "UTF8", template: str = "template0") -> str:
        """Create a database, empty or a copy of `template`, and return its URL."""
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" ENCODING \'{encoding}\' TEMPLATE "{template}"')
        return self.database_url(name)

    def start(self) -> None:
        """Return when the server answers. Raises TimeoutError."""
        command = [str(self.binaries / "postgres"), "-D", str(self.folder), "-p", str(self.port)]
        settings = {"listen_addresses": self.host.address, "unix_socket_directories": "", "max_connections": "400"}
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = self.host.start(
            [*command, *self.options], user=self.user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._answers, START_SECONDS, "PostgreSQL answers")

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Shut down: SIGINT is PostgreSQL's fast shutdown (PostgreSQL documentation, "Shutting Down the Server")."""
        if self.process:
            self.process.send_signal(number)
            self.process.wait(60)

    def kill(self) -> None:
        """Crash: SIGQUIT is PostgreSQL's immediate shutdown, after which the next start recovers."""
        self.stop(signal.SIGQUIT)

    def promote(self) -> None:
        """Let a standby accept writes; return when it does."""
        with self.connect() as connection:
            connection.execute("SELECT pg_promote()")

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres(*options: str, host: Host = LOOPBACK) -> Iterator[PostgresServer]:
    """Run an empty server, with more `options` for its command line. Raises PostgresUnavailable."""
    with _server(options, host) as server:
        where = ["-D", str(server.folder), "-U", "harkara", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [server.binaries / "initdb", *where], user=server.user, check=True, stdout=subprocess.DEVNULL, cwd="/"
        )
        with (server.folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\nhost replication all samenet trust\n")
        server.start()
        yield server


@contextmanager
def standby(primary: PostgresServer, *options: str, host: Host = LOOPBACK) -> Iterator[PostgresServer]:
    """Run a server that follows another by streaming replication, until `promote`."""
    with _server(options, host) as server:
        source = ["-h", primary.host.address, "-p", str(primary.port), "-U", "harkara"]
        copy = [str(server.binaries / "pg_basebackup"), *source, "-D", str(server.folder), "-R", "-c", "fast", "-N"]
        copying = host.start(copy, user=server.user, stdout=subprocess.DEVNULL, cwd="/")
        assert copying.wait(START_SECONDS) == 0, "pg_basebackup fails"
        server.start()
        yield server


@contextmanager
def _server(options: Sequence[str], host: Host) -> Iterator[PostgresServer]:
    """Yield a server that does not run yet, with an empty folder."""
    binaries, user = _binaries(), unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="harkara-pg-") as parent:
        folder = Path(parent) / "data"
        folder.mkdir(0o700)
        if user:
            os.chmod(parent, 0o755)
            shutil.chown(folder, user)
        server = PostgresServer(binaries, folder, free_port(), user, options, host)
        try:
            yield server
        finally:
            server.kill()  # quickly, since its files go as well


def driver_url(url: str) -> str:
    """Return SQLAlchemy's URL of a database as psycopg expects it."""
    return url.replace("+psycopg", "", 1)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    if found:
        return found[0].parent
    if (known := shutil.which("postgres")) and shutil.which("initdb"):
        return Path(known).parent
    wheel = find_spec("pgserver")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    raise PostgresUnavailable(
        "PostgreSQL not found: install your system's package `postgresql`, or use Python 3.11 or 3.12"
    )


def unprivileged_user() -> str | None:
    """Return the user to run PostgreSQL as when this process is root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else pwd.getpwuid(OVERFLOW_UID).pw_name
