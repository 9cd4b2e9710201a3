"""A transport adapter of `requests` that is one kept-alive connection to one URL."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from harkara.answers import NotSentReason
from harkara.http_exchange import PART, Head, ResponseReader, host_header, render_request

MAX_BODY = 65_536
"""Bytes of an answer that are read; Chat Mitra's have about a hundred."""


_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Unconnected(Exception):
    """No connection was made."""

    def __init__(self, reason: NotSentReason) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLate(Exception):
    """The connection is open, and the moment to send the request is over; nothing was sent."""


class ConnectionAdapter(BaseAdapter):
    """Sends prepared requests to one URL over one connection, from one thread at a time.

    `connect_timeout` seconds apply to each address, to the TLS handshake and to the request, `read_timeout` to the
    whole answer. `tls` is None for http. `connected` gets the seconds of each TCP handshake, which is one round trip,
    with its name resolution.

    The adapter of requests has a pool, retries and streams, which this client must not or need not use and which are
    nine tenths of the CPU time of a POST.
    """

    def __init__(
        self,
        url: str,
        tls: ssl.SSLContext | None,
        connect_timeout: float,
        read_timeout: float,
        connected: Callable[[float], object] = lambda seconds: None,
    ) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or (443 if tls else 80))
        self._host = host_header(parts)
        self._tls = tls
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._connected = connected
        self._sock: socket.socket | None = None
        self._events = select.poll()
        self.began = False
        """Whether a byte of a request may have been sent since the latest `open`."""

    def open(self) -> socket.socket:
        """Open the connection unless it is open. Raises Unconnected."""
        self.began = False
        if self._sock is None or self._is_closed(self._sock):
            self.close()
            began = time.monotonic()
            sock = _connect(self._address, self._connect_timeout)
            self._connected(time.monotonic() - began)
            self._sock = _secure(sock, self._address[0], self._tls)
            # With a timeout, a socket calls the system three times where once is enough. At each call the thread lets
            # others run, and may wait until it runs again.
            self._sock.setblocking(False)
            self._events.register(self._sock, select.POLLIN)
        return self._sock

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, which the server may have closed."""
        return self._sock is not None

    def send(
        self,
        request: requests.PreparedRequest,
        *_: Any,
        too_late: Callable[[], bool] = lambda: False,
        **__: Any,
    ) -> requests.Response:
        """Send a request and return its whole response. An error status counts without its body.

        `too_late` is asked right before the first byte. The options that requests passes to an adapter are ignored,
        because they belong to the connection.
        Raises TooLate, Unconnected, ValueError for a request that cannot be written, and what ResponseReader raises.
        """
        sock = self.open()  # the server may have closed it while the request waited for its moment
        body = request.body or b""
        content = body if isinstance(body, bytes) else body.encode()
        headers = {"Host": self._host, **request.headers}
        raw = render_request(str(request.method), request.path_url, headers, content)
        if too_late():
            raise TooLate
        self.began = True
        try:
            return _Response(request, *self._exchange(sock, raw))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._sock is not None:
            self._events.unregister(self._sock)
            self._sock.close()
            self._sock = None

    def __del__(self) -> None:
        self.close()

    def _exchange(self, sock: socket.socket, raw: bytes) -> tuple[Head, bytes]:
        try:
            self._send_all(sock, raw)  # head and body at once: a thread may have to wait between two writes
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server may have answered before it read everything
        reader = ResponseReader(self._receive, self._read_timeout)
        head = reader.read_head()
        try:
            body = reader.read_body(head, MAX_BODY)
        except (OSError, HTTPException):
            if 200 <= head.status < 300:
                raise
            body = b""
        if not reader.may_be_reused(head):
            self.close()
        return head, body

    def _send_all(self, sock: socket.socket, raw: bytes) -> None:
        try:
            sent = sock.send(raw)
        except _WOULD_BLOCK:
            sent = 0
        if sent < len(raw):
            sock.settimeout(self._connect_timeout)
            sock.sendall(raw[sent:])
            sock.setblocking(False)

    def _receive(self, seconds: float) -> bytes:
        """Return some bytes, or none at the end of the connection; raises TimeoutError."""
        assert self._sock, "a request was sent"
        until = time.monotonic() + seconds
        while seconds > 0 and self._events.poll(1000 * seconds):
            try:
                return self._sock.recv(PART)
            except _WOULD_BLOCK:  # what came was no byte of the response, such as a ticket of TLS
                seconds = until - time.monotonic()
        raise TimeoutError("no response")

    def _is_closed(self, sock: socket.socket) -> bool:
        """Whether the server has closed it. The tickets that TLS 1.3 sends after the handshake are read."""
        if not self._events.poll(0):
            return False
        if not isinstance(sock, ssl.SSLSocket):
            return True  # the end, or bytes that no request asked for
        try:
            sock.recv(1)
        except OSError as error:
            return not isinstance(error, ssl.SSLWantReadError)
        return True


class _Response(requests.Response):
    """A complete response. The constructor of requests would make a cookie jar for each, and this client has none."""

    def __init__(self, request: requests.PreparedRequest, head: Head, body: bytes) -> None:
        self.request = request
        self.url = str(request.url)
        self.reason = ""
        self.status_code = head.status
        self.headers = head.headers  # type: ignore[assignment]  # a plain dict, whose names are in lower case
        self.history = []
        self.encoding = self.raw = None
        self._content = body
        self._content_consumed = True


def _connect(address: tuple[str, int], seconds: float) -> socket.socket:
    try:
        sock = socket.create_connection(address, seconds)  # the seconds are for each address of the host
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (socket.gaierror, UnicodeError) as error:
        raise Unconnected("name-resolution") from error
    except TimeoutError as error:
        raise Unconnected("connect-timeout") from error
    except ConnectionRefusedError as error:
        raise Unconnected("refused") from error
    except OSError as error:
        raise Unconnected("unreachable") from error
    return sock


def _secure(sock: socket.socket, host: str, tls: ssl.SSLContext | None) -> socket.socket:
    """Return the socket after the TLS handshake, or as it is for http."""
    if tls is None:
        return sock
    try:
        return tls.wrap_socket(sock, server_hostname=host.rstrip("."))
    except TimeoutError as error:
        sock.close()
        raise Unconnected("connect-timeout") from error
    except (OSError, ValueError) as error:
        sock.close()
        raise Unconnected("tls") from error
