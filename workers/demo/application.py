"""The application of the demo: receives signed callbacks, and answers signed lookups of the assistant."""

from __future__ import annotations

import base64
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

_LOOKUP = "/order"
_ORDERS = {"ORD-1042": "with the courier in Indiranagar"}

Handle = Callable[[str, Mapping[str, Any]], object]
"""Gets the id and the body of a signed request; returns the body of the response, or None for none."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a worker opens more connections at once than the default of five


class Application:
    """Listens on loopback; `settings` are what Harkara needs to deliver callbacks to it, and to sign lookups."""

    def __init__(self) -> None:
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
        self.callbacks: dict[str, dict[str, Any]] = {}
        """The callbacks by id; a repeated callback has the same id."""
        self.lookups: list[Mapping[str, Any]] = []
        """What the assistant has asked."""
        routes: dict[str, Handle] = {"/": self._receive, _LOOKUP: self._find_order}
        self._server = _Server(("127.0.0.1", 0), _handler(Webhook(secret), routes))
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.lookup_url = f"{url}{_LOOKUP}"
        self.settings = {
            "HARKARA_CALLBACK_URL": f"{url}/",
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

    def _receive(self, identity: str, callback: Mapping[str, Any]) -> None:
        self.callbacks[identity] = dict(callback)

    def _find_order(self, identity: str, asked: Mapping[str, Any]) -> dict[str, str]:
        """Return where an order is. A real application returns it only to the `contact` whose order it is."""
        self.lookups.append(asked)
        order = str(asked["arguments"]["order"])
        return {"order": order, "state": _ORDERS.get(order, "unknown")}


def _handler(signature: Webhook, routes: Mapping[str, Handle]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                signature.verify(body, dict(self.headers))
            except WebhookVerificationError:
                self._respond(401)
                return
            found = routes[self.path](self.headers["webhook-id"], json.loads(body))
            self._respond(204) if found is None else self._respond(200, json.dumps(found).encode())

        def _respond(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            if body:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing: the screen shows the scenarios."""

    return Handler
