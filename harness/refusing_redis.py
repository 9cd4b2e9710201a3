"""A server that speaks Redis' protocol and answers every command with one error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

_HANDSHAKE = {b"HELLO": b"%1\r\n$5\r\nproto\r\n:3\r\n", b"CLIENT": b"+OK\r\n", b"SELECT": b"+OK\r\n"}
"""The commands with which a client begins, and their answers."""


class RefusingRedis(ThreadingTCPServer):
    """Listens on a free port of loopback; `answer` is the error, such as `READONLY You can't write`."""

    daemon_threads = True
    answer = "ERR"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.url = f"redis://127.0.0.1:{self.server_address[1]}/0"

    def reply(self) -> bytes:
        """Return the reply to each command."""
        return f"-{self.answer}\r\n".encode()


class _Session(StreamRequestHandler):
    server: RefusingRedis

    def handle(self) -> None:
        while (count := self.rfile.readline())[:1] == b"*":
            words = [self._read_word() for _ in range(int(count[1:]))]
            self.wfile.write(_HANDSHAKE.get(words[0].upper()) or self.server.reply())

    def _read_word(self) -> bytes:
        length = int(self.rfile.readline()[1:])
        return self.rfile.read(length + 2)[:-2]


@contextmanager
def refusing_redis(kind: type[RefusingRedis] = RefusingRedis) -> Iterator[RefusingRedis]:
    with kind() as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
