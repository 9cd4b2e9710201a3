"""Run the HTTP API as a process with its own port, over SQLite and without Redis."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from harkara.ledger.database import Database
from harness.ledger import migrated
from harness.ports import free_port
from harness.process import Process

TOKEN = "live:a-token-of-nougat"
PATIENCE = 60.0


@dataclass
class Server:
    """A running process of the HTTP API."""

    port: int
    process: Process
    ledger: Database

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Send a request with the token, or with the Authorization of `headers`. Returns status and body."""
        connection = self.connect()
        connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}"} | (headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def post(self, body: object, **headers: str) -> tuple[int, str]:
        return self.request("POST", "/send_message", json.dumps(body).encode(), headers)

    def stop(self) -> int:
        """Stop the process by SIGTERM, as a supervisor does. Returns its exit code."""
        self.process.popen.send_signal(signal.SIGTERM)
        return self.process.popen.wait(PATIENCE)


@contextmanager
def start_server(folder: Path, **more: str) -> Iterator[Server]:
    """Start the process in this folder, with `more` settings."""
    url = f"sqlite:///{folder / 'harkara.db'}"
    ledger = Database(migrated(url))
    port = free_port()
    settings = {
        "HARKARA_DATABASE_URL": url,
        "HARKARA_REDIS_URL": "redis://127.0.0.1:1/0",
        "HARKARA_VAR": str(folder),
        "HARKARA_LANES_FILE": str(folder / "lanes.toml"),
        "HARKARA_LOG_LEVEL": "DEBUG",
        "HARKARA_API_TOKENS": f"shop:{TOKEN}",
        "HARKARA_WEB_ADDRESS": "127.0.0.1",
        "CHATMITRA_API_TOKEN": "token",
        "PORT": str(port),
        **more,
    }
    process = Process.fork("web", ["workers.web"], settings, folder)
    server = Server(port, process, ledger)
    try:
        _wait(server)
        yield server
    finally:
        process.kill()
        ledger.close()


def _wait(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            server.request("GET", "/livez")
            return
        except OSError:
            assert server.process.alive, server.process.log.read_text()
            assert time.monotonic() < deadline, "the HTTP API does not start"
            time.sleep(0.1)
