"""Connections that tell whether a request can have left, and that give an answer no more than its time as a whole."""

from __future__ import annotations

import http.client
import io
import socket
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

from harkara.answers import Unsent


class Unconnected(Exception):
    """No connection came about.

    It is none of the errors that urllib3 and requests translate: theirs tell a handshake that failed from an answer
    that broke off as little as one that timed out.
    """

    def __init__(self, reason: Unsent) -> None:
        super().__init__(reason)
        self.reason = reason


class TimedResponse(http.client.HTTPResponse):
    """Has the socket's timeout for the whole answer; http.client would grant it to each piece of a drip anew."""

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
            raise TimeoutError("the answer took too long as a whole")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Plain(HTTPConnection):
    response_class = TimedResponse

    def connect(self) -> None:
        with _connecting():
            super().connect()


class _Secure(HTTPSConnection):
    response_class = TimedResponse

    def connect(self) -> None:
        with _connecting():
            super().connect()


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
        raise Unconnected(_failure(error)) from error


def _failure(error: Exception) -> Unsent:
    """What comes after the TCP connection is TLS: its errors are not among those of urllib3."""
    if isinstance(error, NameResolutionError | LocationParseError):
        return "name-resolution"
    if isinstance(error, NewConnectionError):
        return "refused" if isinstance(error.__cause__, ConnectionRefusedError) else "unreachable"
    if isinstance(error, ConnectTimeoutError | TimeoutError):
        return "connect-timeout"
    return "tls"
