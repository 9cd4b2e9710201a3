"""The application of the demo: receives signed callbacks about messages and customers' answers."""

from __future__ import annotations

import base64
import json
import secrets
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a worker opens more connections at once than the default of five


class Application:
    """Listens on loopback; `settings` are what Harkara needs to deliver callbacks to it."""

    def __init__(self) -> None:
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
        self.callbacks: dict[str, dict[str, Any]] = {}
        """The callbacks by id; a repeated callback has the same id."""
        self._server = _Server(("127.0.0.1", 0), _handler(Webhook(secret), self.callbacks))
        self.settings = {
            "HARKARA_CALLBACK_URL": f"http://127.0.0.1:{self._server.server_port}/",
            "HARKARA_CALLBACK_SECRET": secret,
            "HARKARA_CALLBACK_PRIVATE": "true",
        }
        Thread(target=self._server.serve_forever, daemon=True).start()

    def received(self, kind: str) -> list[dict[str, Any]]:
        """Return the data of every callback of this type."""
        return [callback["data"] for callback in list(self.callbacks.values()) if callback["type"] == kind]

    def counts(self) -> Counter[str]:
        return Counter(callback["type"].partition(".")[0] for callback in list(self.callbacks.values()))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(signature: Webhook, callbacks: dict[str, dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                signature.verify(body, dict(self.headers))
            except WebhookVerificationError:
                self.send_response(401)
            else:
                callbacks[self.headers["webhook-id"]] = json.loads(body)
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Log nothing: the screen shows the scenarios."""

    return Handler
