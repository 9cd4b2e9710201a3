"""HTTP connections that report whether a request can have been sent, and that limit the time of a whole answer.

Both the provider's client (`harkara.chatmitra`) and the callbacks to the application (`harkara.callbacks`) use them.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
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


class FirstByte(threading.local):
    """Whether this thread has begun to send its present request; a client sets it to False before each one."""

    sent = False


FIRST_BYTE = FirstByte()


class _Plain(HTTPConnection):
    response_class = TimedResponse

    def connect(self) -> None:
        with _connecting():
            super().connect()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        FIRST_BYTE.sent = True
        super().send(data)


class _Secure(HTTPSConnection):
    response_class = TimedResponse

    def connect(self) -> None:
        with _connecting():
            super().connect()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        FIRST_BYTE.sent = True
        super().send(data)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
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
