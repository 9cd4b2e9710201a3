"""An application that receives webhooks over a real socket and checks each signature over the bytes that came."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from harness.http_server import HttpServer
from harness.waiting import wait_until

SECRET = "whsec 🔑"
PATIENCE_SECONDS = 60


@dataclass
class ReceivedWebhook:
    """One POST, whatever the response to it was."""

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
    def event(self) -> str:
        """The status of a status event, otherwise the name of the event."""
        return str(self.body.get("status", self.body["event"]))


class Receiver:
    """Responds with `statuses`, first to last, then with 200; waits `delay` seconds before each response."""

    def __init__(self) -> None:
        self.received: list[ReceivedWebhook] = []
        self.statuses: list[int] = []
        self.delay = 0.0
        self.connections = 0
        self.url = ""

    @property
    def events(self) -> list[str]:
        return [webhook.event for webhook in self.received]

    def wait_for(self, count: int) -> list[ReceivedWebhook]:
        """Wait until at least `count` webhooks have come; return all of them."""
        self.wait_until(lambda: len(self.received) >= count, f"{count} webhooks")
        return self.received

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, PATIENCE_SECONDS, what, details=lambda: str(self.events), interval=0.01)


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # sends a response in one piece; otherwise the kernel delays the second piece by 40 ms

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(ReceivedWebhook(raw, dict(self.headers.items()), self.path))
            time.sleep(receiver.delay)
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HttpServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/chatmitra?lane=default"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
