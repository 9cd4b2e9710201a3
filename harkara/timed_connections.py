"""HTTP connections that report whether a request can have been sent, and that limit the time of a whole answer.

Both the provider's client (`harkara.chatmitra`) and the callbacks to the application (`harkara.callbacks`) use them.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.wait import wait_for_read

from harkara.answers import NotSentReason


class Unconnected(Exception):
    """No connection was made.

    It is not an error that urllib3 or requests translate. Their errors do not separate a failed handshake and an
    answer that ended early. They do not separate the timeouts of the two either.
    """

    def __init__(self, reason: NotSentReason) -> None:
        super().__init__(reason)
        self.reason = reason


class TimedResponse(http.client.HTTPResponse):
    """Applies the socket's timeout to the whole answer; http.client applies it to each read, so a slow drip passes."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Timed(sock, self.fp.detach()))


class _Timed(io.RawIOBase):
    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        self._until = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class TooLate(Exception):
    """The connection is open, and the moment to send the request is over; nothing was sent."""


class FirstByte(threading.local):
    """The first byte of this thread's present request: whether it was sent, and whether it may be."""

    sent = False
    too_late: Callable[[], bool] = staticmethod(lambda: False)

    def expect(self, too_late: Callable[[], bool]) -> None:
        """Begin a request that must not be sent once it is `too_late`."""
        self.sent, self.too_late = False, too_late

    def send(self) -> None:
        """Raises TooLate."""
        if not self.sent and self.too_late():
            raise TooLate
        self.sent = True


FIRST_BYTE = FirstByte()


class _Observed:
    """Marks an error while connecting as one, and stops a request before its first byte if it is too late.

    Head and body leave together: on a busy host a thread may have to wait between two writes.
    """

    sock: socket.socket | None
    _head: bytes | None = None
    """The head that waits for its body; None outside a request."""

    def request(self, *args: Any, **options: Any) -> None:
        self._head = b""
        super().request(*args, **options)  # type: ignore[misc]  # the connection of urllib3 follows
        if self._head:  # there is no body
            self.send(b"")

    def connect(self) -> None:
        with _connecting():
            super().connect()  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self._head == b"":
            self._head = data
            return
        if self.sock is None:
            self.connect()
        FIRST_BYTE.send()
        data, self._head = (self._head or b"") + data, None
        super().send(data)  # type: ignore[misc]


class _Plain(_Observed, HTTPConnection):
    response_class = TimedResponse


class _Secure(_Observed, HTTPSConnection):
    response_class = TimedResponse

    @property
    def is_connected(self) -> bool:
        """Whether the server has not closed it. The tickets that TLS 1.3 sends after the handshake are read."""
        sock = self.sock
        if sock is None or not wait_for_read(sock, timeout=0.0):
            return sock is not None
        seconds = sock.gettimeout()
        sock.settimeout(0)
        try:
            sock.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            sock.settimeout(seconds)
        return False  # the end, or bytes that no request asked for


class _Openable:
    """Can open its connection before a request needs it."""

    def open(self, seconds: float) -> None:
        """Open the connection that the next request uses, unless it is open. Raises Unconnected."""
        connection: Any = self._get_conn()  # type: ignore[attr-defined]  # closes it when the server has
        try:
            if connection.is_closed:
                connection.timeout = seconds
                connection.connect()
        finally:
            self._put_conn(connection)  # type: ignore[attr-defined]


class _PlainPool(_Openable, HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(_Openable, HTTPSConnectionPool):
    ConnectionCls = _Secure


POOLS = {"http": _PlainPool, "https": _SecurePool}


@contextmanager
def _connecting() -> Iterator[None]:
    try:
        yield
    except (HTTPError, OSError, ValueError) as error:
        raise Unconnected(_reason(error)) from error


def _reason(error: Exception) -> NotSentReason:
    """Classify an error of urllib3; any other error came after the TCP connection, in the TLS handshake."""
    if isinstance(error, NameResolutionError | LocationParseError):
        return "name-resolution"
    if isinstance(error, NewConnectionError):
        return "refused" if isinstance(error.__cause__, ConnectionRefusedError) else "unreachable"
    if isinstance(error, ConnectTimeoutError | TimeoutError):
        return "connect-timeout"
    return "tls"
