"""An application that receives callbacks on a real socket, and servers that misbehave."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from harness.http_server import HttpServer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Respond = Callable[[int], tuple[int, dict[str, str]]]
"""Gets the number of the request, from 1, and returns status and headers."""


@dataclass
class Application:
    """Verifies callbacks with the library that applications use, and responds as a test demands.

    `payloads` are the verified callbacks, `ids` and `headers` those of all requests, `refused` counts wrong signatures.
    `content` is the body of each response.
    `delay` is the seconds before a response, `in_progress` the number of requests without a response.
    """

    respond: Respond = lambda _: (204, {})
    delay: float = 0.0
    content: bytes = b""
    payloads: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refused: int = 0
    in_progress: int = 0
    most_at_once: int = 0
    port: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/callbacks?from=harkara"

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        with self.lock:
            number = self._record({name.lower(): value for name, value in handler.headers.items()}, body, handler.path)
        time.sleep(self.delay)
        with self.lock:
            self.in_progress -= 1
        status, headers = self.respond(number)
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(self.content)))
        handler.end_headers()
        handler.wfile.write(self.content)

    def _record(self, headers: dict[str, str], body: bytes, path: str) -> int:
        self.in_progress += 1
        self.most_at_once = max(self.most_at_once, self.in_progress)
        try:
            self.payloads.append(Webhook(SECRET).verify(body, headers))
        except WebhookVerificationError:
            self.refused += 1
        self.ids.append(headers["webhook-id"])
        self.headers.append(headers | {"path": path})
        return len(self.ids)


@contextmanager
def listening(application: Application, *, certificate: Path | None = None) -> Iterator[Application]:
    """Serve the application on its port, or on a free one; with TLS if there is a certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            application.handle(self)

        def log_message(self, *_: Any) -> None:
            pass

    with http_server(Handler, application.port, certificate) as application.port:
        yield application


@contextmanager
def http_server(handler: type[BaseHTTPRequestHandler], port: int, certificate: Path | None) -> Iterator[int]:
    """Serve requests by this handler on the port, or on a free one for 0; yield the port."""
    server = HttpServer(("127.0.0.1", port), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw_server(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield the URL of a server that passes its one connection to `handle`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                handle(connection)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(timeout=60)
