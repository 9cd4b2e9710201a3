"""An address for Redis that leads to another server after a failover, as a name in DNS or a virtual IP does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread


class FailoverProxy(ThreadingTCPServer):
    """Listens on a free port of loopback. New connections lead to `upstream`; existing ones stay where they are."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.upstream = upstream
        self.url = f"redis://127.0.0.1:{self.server_address[1]}/0"


class _Session(BaseRequestHandler):
    server: FailoverProxy

    def handle(self) -> None:
        forward_all(self.request, self.server.upstream)


def forward_all(client: socket.socket, upstream: int, received: bytes = b"") -> None:
    """Connect to a port of loopback; pass on what was received, then everything in both directions until the end."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", upstream)) as server:
        server.sendall(received)
        Thread(target=_forward, args=(server, client), daemon=True).start()
        _forward(client, server)


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def failover_proxy(upstream: int) -> Iterator[FailoverProxy]:
    """Run a proxy that leads to the server on this port of loopback."""
    with FailoverProxy(upstream) as proxy:
        thread = Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
