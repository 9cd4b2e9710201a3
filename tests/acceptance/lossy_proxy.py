"""A proxy to PostgreSQL that passes every nth COMMIT on, waits until it is done, and closes without the reply."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

COMMIT = b"COMMIT\0"


class LossyProxy(ThreadingTCPServer):
    """Listens on a free port of loopback; loses the reply to every `nth` COMMIT until `stop_losing`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: int, nth: int) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.upstream = upstream
        self.port = int(self.server_address[1])
        self.lost = 0
        self._nth = nth
        self._commits = count(1)
        self._reliable = False

    def loses_reply(self, data: bytes) -> bool:
        """Return whether the reply to this data is lost."""
        if self._reliable or COMMIT not in data or next(self._commits) % self._nth:
            return False
        self.lost += 1
        return True

    def stop_losing(self) -> None:
        self._reliable = True


class _Session(BaseRequestHandler):
    server: LossyProxy

    def handle(self) -> None:
        client: socket.socket = self.request
        with socket.create_connection(("127.0.0.1", self.server.upstream)) as database, suppress(OSError):
            replies = Thread(target=_forward, args=(database, client), daemon=True)
            lost = False
            replies.start()
            while not lost and (data := client.recv(65_536)):
                lost = self.server.loses_reply(data)
                if lost:
                    client.shutdown(socket.SHUT_WR)  # no reply reaches the client from now on
                database.sendall(data)
            if lost:
                database.shutdown(socket.SHUT_WR)  # PostgreSQL executes what it has received, then ends the session
                replies.join(10)


def _forward(database: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while data := database.recv(65_536):
            with suppress(OSError):
                client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)


@contextmanager
def lossy_proxy(upstream: int, *, nth: int) -> Iterator[LossyProxy]:
    """Run a proxy to the PostgreSQL on this port of loopback."""
    with LossyProxy(upstream, nth) as proxy:
        thread = Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
