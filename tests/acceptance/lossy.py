"""A line to PostgreSQL that now and then passes a COMMIT on, waits until it is done, and breaks before the answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

COMMIT = b"COMMIT\0"


class Line(ThreadingTCPServer):
    """Listens on a free port of loopback; breaks at every `nth` COMMIT until it is mended."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: int, nth: int) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.upstream = upstream
        self.port = int(self.server_address[1])
        self.broken = 0
        self._nth = nth
        self._commits = count(1)
        self._mended = False

    def breaks(self, said: bytes) -> bool:
        """Whether this is where the line breaks."""
        if self._mended or COMMIT not in said or next(self._commits) % self._nth:
            return False
        self.broken += 1
        return True

    def mend(self) -> None:
        self._mended = True


class _Conversation(BaseRequestHandler):
    server: Line

    def handle(self) -> None:
        client: socket.socket = self.request
        with socket.create_connection(("127.0.0.1", self.server.upstream)) as database, suppress(OSError):
            answers = Thread(target=_pass_on, args=(database, client), daemon=True)
            silent = False
            answers.start()
            while not silent and (said := client.recv(65_536)):
                silent = self.server.breaks(said)
                if silent:
                    client.shutdown(socket.SHUT_WR)  # whatever comes back from now on goes nowhere
                database.sendall(said)
            if silent:
                database.shutdown(socket.SHUT_WR)  # PostgreSQL ends the session once it has done what it was told
                answers.join(10)


def _pass_on(database: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while said := database.recv(65_536):
            with suppress(OSError):
                client.sendall(said)
        client.shutdown(socket.SHUT_RDWR)


@contextmanager
def lossy(upstream: int, *, nth: int) -> Iterator[Line]:
    """A line to the PostgreSQL on this port of loopback."""
    with Line(upstream, nth) as line:
        thread = Thread(target=line.serve_forever, daemon=True)
        thread.start()
        try:
            yield line
        finally:
            line.shutdown()
            thread.join()
