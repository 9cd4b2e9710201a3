"""A service that receives notices by Apprise's json:// on a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any

from harness.http_server import HttpServer

PASSWORD = "a-secret-of-the-service"


@dataclass
class Service:
    """Keeps what it received, and answers with `status`."""

    status: int = 200
    notices: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"json://harkara:{PASSWORD}@127.0.0.1:{self.port}/alarms"

    @property
    def titles(self) -> list[str]:
        return [notice["title"] for notice in self.notices]


@contextmanager
def service() -> Iterator[Service]:
    """Run the service until the end."""
    found = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.notices.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HttpServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
