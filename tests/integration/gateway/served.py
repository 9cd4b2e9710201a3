"""The web door as a process of its own, on a port of its own, over SQLite and without Redis."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from harkara.ledger import migrate
from harkara.ledger.database import Database
from harness.ports import free_port
from harness.process import Process

TOKEN = "live:a-token-of-nougat"
PATIENCE = 60.0


@dataclass
class Served:
    """Where it listens, and the process."""

    port: int
    process: Process
    ledger: Database

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """With the token, unless the headers bring another."""
        connection = self.connect()
        connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}"} | (headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def post(self, body: object, **headers: str) -> tuple[int, str]:
        return self.call("POST", "/send_message", json.dumps(body).encode(), headers)

    def end(self) -> int:
        """As a supervisor ends it; returns its exit code."""
        self.process.popen.send_signal(signal.SIGTERM)
        return self.process.popen.wait(PATIENCE)


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    url = f"sqlite:///{folder / 'harkara.db'}"
    ledger = Database(url)
    migrate.upgrade(ledger)
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
    }
    process = Process.start("web", [sys.executable, "-m", "workers.web"], settings, folder)
    door = Served(port, process, ledger)
    try:
        _wait(door)
        yield door
    finally:
        process.kill()
        ledger.close()


def _wait(door: Served) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            door.call("GET", "/livez")
            return
        except OSError:
            assert door.process.alive, door.process.log.read_text()
            assert time.monotonic() < deadline, "the web door does not come up"
            time.sleep(0.1)
