"""The sandbox as a process, and the calls that most tests make to it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests

from harness.process import ROOT
from harness.waiting import wait_until

ASHA = "919812345678"
TOKEN = "3f2a:9bc1"
STOP_SECONDS = 60
SETTLE_SECONDS = 60


class Sandbox:
    """A running sandbox process and its HTTP client."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process
        self.http = requests.Session()
        self.http.trust_env = False

    def post(self, content: Any, token: str = TOKEN, path: str = "/send_message", **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
        return self.http.post(self.url + path, json=content, headers=headers, timeout=options.pop("timeout", 60))

    def send(
        self, to: str = ASHA, token: str = TOKEN, timeout: float | tuple[float, float] = 60, **body: Any
    ) -> requests.Response:
        """Send the text `Hello`, unless `body` has another message."""
        if not body.keys() & {"message", "messages"}:
            body["message"] = "Hello"
        return self.post({"recipient_mobile_number": to} | body, token, timeout=timeout)

    def send_raw(self, kind: str, content: Any) -> requests.Response:
        return self.send(messages=[{"kind": "raw", "payload": {"type": kind, kind: content}}])

    def send_template(self, *, parameters: list[Any] | None = None, **template: Any) -> requests.Response:
        """Send a valid template, changed by what is given."""
        template = {"name": "order_ready", "language": "en_US"} | template
        if parameters is not None:
            template["components"] = [{"type": "body", "parameters": parameters}]
        return self.send(messages=[{"kind": "template", "template": template}])

    def set(self, **switches: Any) -> dict[str, Any]:
        answer = self.http.patch(f"{self.url}/_sandbox/faults", json=switches, timeout=60)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(self.url + path, params=query, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def counts(self, **query: Any) -> dict[str, Any]:
        return dict(self.get("/_sandbox/counts", **query))

    def last(self) -> dict[str, Any]:
        """Return the newest request of the history."""
        return dict(self.get("/_sandbox/requests", limit=1)["requests"][0])

    def wait_settled(self) -> dict[str, Any]:
        """Wait until no more webhooks will come; return their figures."""
        wait_until(self._is_settled, SETTLE_SECONDS, "no webhook is waiting", details=lambda: str(self._webhooks()))
        return dict(self._webhooks()["counts"])

    def reset(self) -> None:
        self.http.delete(f"{self.url}/_sandbox/faults", timeout=60)
        self.http.delete(f"{self.url}/_sandbox/requests", timeout=60)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """Open a plain socket, for tests of single bytes."""
        parts = urlsplit(self.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
            yield connection

    def _is_settled(self) -> bool:
        now = self._webhooks()
        return not now["on_their_way"] and not now["counts"]["waiting"]

    def _webhooks(self) -> dict[str, Any]:
        return dict(self.get("/_sandbox/webhooks"))


def message_bytes(body: Any = None, token: str = TOKEN) -> bytes:
    content = json.dumps(body or {"recipient_mobile_number": ASHA, "message": "Hello"}).encode()
    head = f"POST /send_message HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


@contextmanager
def sandbox_process(**environment: str) -> Iterator[Sandbox]:
    """Start a sandbox on a free port, stop it with SIGTERM, and check that it wrote nothing to stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.sandbox"],
        cwd=ROOT,
        env=_environment() | {"SANDBOX_PORT": "0"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    sandbox = Sandbox(process.stdout.readline().split()[-1], process)
    try:
        yield sandbox
    finally:
        sandbox.http.close()
        process.terminate()
        _, errors = process.communicate(timeout=STOP_SECONDS)
    assert errors == ""


def run_sandbox(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run a sandbox that should end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "workers.sandbox"],
        cwd=ROOT,
        env=_environment() | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PORT" and not name.startswith("SANDBOX_")}
