"""A PostgreSQL server of the tests' own: from this machine if it has one, else from the wheel `pgserver`."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg


class NoPostgres(Exception):
    """This machine has no PostgreSQL and none can be installed by pip."""


@dataclass
class Server:
    """A running server; `kill9` and `start` are for the tests that take it away."""

    binaries: Path
    folder: Path
    port: int
    user: str | None
    options: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return self.database("postgres")

    def database(self, name: str) -> str:
        return f"postgresql+psycopg://harkara@127.0.0.1:{self.port}/{name}"

    def create(self, name: str) -> str:
        """Makes an empty database and returns its URL."""
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.database(name)

    def start(self) -> None:
        command = [str(self.binaries / "postgres"), "-D", str(self.folder), "-p", str(self.port)]
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "200"}
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen(
            [*command, *self.options], user=self.user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self.process:
            self.process.send_signal(how)  # SIGINT is PostgreSQL's fast shutdown
            self.process.wait(30)

    def kill9(self) -> None:
        """As a crash of the machine's PostgreSQL: immediate shutdown, with recovery at the next start."""
        self.stop(signal.SIGQUIT)

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url.replace("+psycopg", ""), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


@contextmanager
def postgres(*options: str) -> Iterator[Server]:
    """A fresh, empty server on a free port. Raises NoPostgres."""
    binaries = _binaries()
    user = _owner()
    with tempfile.TemporaryDirectory(prefix="harkara-pg-") as parent:
        folder = Path(parent) / "data"
        folder.mkdir()
        if user:
            os.chmod(parent, 0o755)
            shutil.chown(folder, user)
        initdb = [
            str(binaries / "initdb"),
            "-D",
            str(folder),
            "-U",
            "harkara",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        subprocess.run(initdb, user=user, check=True, stdout=subprocess.DEVNULL, cwd="/")
        server = Server(binaries, folder, _free_port(), user, options)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    if found:
        return found[0].parent
    if (known := shutil.which("postgres")) and shutil.which("initdb"):
        return Path(known).parent
    wheel = find_spec("pgserver")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    raise NoPostgres("no PostgreSQL here: install your system's package `postgresql`, or use Python 3.11 or 3.12")


def _owner() -> str | None:
    """PostgreSQL refuses to run as root; somebody with less power lends the name."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
