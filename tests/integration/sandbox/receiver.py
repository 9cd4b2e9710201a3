"""An application that hears webhooks over a real socket, and checks each signature over the bytes that came."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whsec 🔑"
PATIENCE_SECONDS = 10


@dataclass
class Heard:
    """One post, whatever it was answered."""

    raw: bytes
    headers: dict[str, str]
    path: str
    at: float = field(default_factory=time.monotonic)

    @property
    def genuine(self) -> bool:
        wanted = hmac.new(SECRET.encode(), self.raw, "sha256").hexdigest()
        return self.headers.get("X-Webhook-Signature") == wanted

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.raw))

    @property
    def what(self) -> str:
        """The event, or the status that it tells of."""
        return str(self.body.get("status", self.body["event"]))


class Listener:
    """Answers what `answers` says, first to last, and 200 from then on; `hangs` seconds before each answer."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: list[int] = []
        self.hangs = 0.0
        self.connections = 0
        self.url = ""

    @property
    def stories(self) -> list[str]:
        return [heard.what for heard in self.heard]

    def wait_for(self, count: int) -> list[Heard]:
        """At least so many posts."""
        return self.wait_until(lambda: len(self.heard) >= count)

    def wait_until(self, enough: Callable[[], bool]) -> list[Heard]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not enough():
            assert time.monotonic() < deadline, f"heard only {self.stories}"
            time.sleep(0.01)
        return self.heard


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece, or the kernel waits 40 ms with its second

        def setup(self) -> None:
            listener.connections += 1
            super().setup()

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            listener.heard.append(Heard(raw, dict(self.headers.items()), self.path))
            time.sleep(listener.hangs)
            answer = listener.answers.pop(0) if listener.answers else 200
            self.send_response(answer)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    listener.url = f"http://127.0.0.1:{server.server_port}/webhooks/chatmitra?lane=default"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
