"""A port with TLS in front of a server that has none, as managed services and stunnel offer one."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread


class _Front(ThreadingTCPServer):
    def __init__(self, upstream: int, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.upstream = upstream
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(certificate)
        self.sessions: list[socket.socket] = []

    def end_sessions(self) -> None:
        for each in self.sessions:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class _Session(BaseRequestHandler):
    server: _Front

    def handle(self) -> None:
        """Forward in one thread: two threads must not use one TLS connection at once."""
        with (
            suppress(OSError),  # such as the alert of a client that does not trust the certificate
            self.server.tls.wrap_socket(self.request, server_side=True) as client,
            socket.create_connection(("127.0.0.1", self.server.upstream)) as server,
        ):
            self.server.sessions.append(client)
            while True:
                waiting = [client] if client.pending() else select.select([client, server], [], [])[0]
                for source in waiting:
                    if not (data := source.recv(65_536)):
                        return
                    (server if source is client else client).sendall(data)


@contextmanager
def tls_front(upstream: int, certificate: Path) -> Iterator[int]:
    """Run the front of a port of loopback; yield its own port."""
    with _Front(upstream, certificate) as front:
        thread = Thread(target=front.serve_forever)
        thread.start()
        try:
            yield int(front.server_address[1])
        finally:
            front.shutdown()
            front.end_sessions()
            thread.join()
