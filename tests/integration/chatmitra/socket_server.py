"""An HTTP server on a plain socket, whose handler controls every byte of an answer."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from harkara.answers import Answer
from harkara.chatmitra.api import ChatMitra

BODY = json.dumps({"recipient_mobile_number": "919999999999", "message": "नमस्ते"}, ensure_ascii=False)
SUCCESS = b'{"status":"success","message":"Request queued","jobId":"job_abc"}'

Handler = Callable[[socket.socket], None]


@dataclass
class SocketServer:
    """Passes one connection after the other to `handler`, and counts them."""

    handler: Handler
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    connections: int = 0
    latest: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/developer/api/send_message"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.latest = connection
            with connection:
                connection.settimeout(10)
                try:
                    self.handler(connection)
                except OSError:
                    continue

    def close(self) -> None:
        """End the thread, also while it waits for a connection or reads from one."""
        for each in (self.listener, self.latest):
            with suppress(OSError):
                if each is not None:
                    each.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextmanager
def serving(handler: Handler) -> Iterator[SocketServer]:
    server = SocketServer(handler)
    thread = Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def post(url: str, **options: float | str | None) -> Answer:
    return send(ChatMitra(url, **options))  # type: ignore[arg-type]  # each test gives what fits


def send(chatmitra: ChatMitra, token: str = "token", body: str = BODY) -> Answer:
    """Send the message at once."""
    answer = chatmitra.connect(time.monotonic()).post(token, body, lambda: False)
    assert answer is not None
    return answer


def read_request(connection: socket.socket) -> bytes:
    """Read one request, head and body; return nothing when the client has closed the connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (part := connection.recv(65_536)):
            return b""
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def http_answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answering(status: int, body: bytes, *headers: str) -> Handler:
    """Answer every request of a connection alike."""

    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(http_answer(status, body, *headers))

    return handle


def sending(raw: bytes) -> Handler:
    """Read the request, send these bytes unchanged, and close the connection."""

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(raw)

    return handle


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def secured(certificate: Path, handler: Handler) -> Handler:
    """Serve the handler over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def handle(connection: socket.socket) -> None:
        # A duplicate, since wrapping detaches the socket, and closing the server must be able to shut it down.
        with context.wrap_socket(connection.dup(), server_side=True) as inner:
            handler(inner)

    return handle
