"""The application behind the demo: hears by signed callbacks what becomes of messages and what customers answer."""

from __future__ import annotations

import base64
import json
import secrets
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


class Application:
    """Listens on loopback; `settings` is what Harkara must know to tell it anything."""

    def __init__(self) -> None:
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
        self.heard: dict[str, dict[str, Any]] = {}
        """What it was told, by the id that a callback keeps when it is repeated."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(Webhook(secret), self.heard))
        self.settings = {
            "HARKARA_CALLBACK_URL": f"http://127.0.0.1:{self._server.server_port}/",
            "HARKARA_CALLBACK_SECRET": secret,
            "HARKARA_CALLBACK_PRIVATE": "true",
        }
        Thread(target=self._server.serve_forever, daemon=True).start()

    def told_of(self, kind: str) -> list[dict[str, Any]]:
        """The data of every callback of this kind."""
        return [told["data"] for told in list(self.heard.values()) if told["type"] == kind]

    def counts(self) -> Counter[str]:
        return Counter(told["type"].partition(".")[0] for told in list(self.heard.values()))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(signature: Webhook, heard: dict[str, dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                signature.verify(body, dict(self.headers))
            except WebhookVerificationError:
                self.send_response(401)
            else:
                heard[self.headers["webhook-id"]] = json.loads(body)
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The demo's screen is for its stories."""

    return Handler
