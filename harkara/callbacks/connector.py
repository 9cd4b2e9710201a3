"""Requests to hosts that others name: to public addresses only, within a time, without redirects and proxies."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import SplitResult

from harkara.callbacks.address import Resolve, is_public, resolve
from harkara.http_exchange import Head, ResponseReader, host_header, receive_from, render_request

Response = TypeVar("Response")

TIMEOUT_SECONDS = 10.0
"""From the connection to the end of the response headers."""

CONNECT_SECONDS = 3.05
"""The part of the timeout that each address of the host may use."""


@dataclass(frozen=True, slots=True)
class BoundedReply:
    """A response with its body, decompressed."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoResponse:
    """The host did not respond, and may or may not have read the request."""

    reason: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing was sent: the host has an address that requests must not go to."""

    reason: str


class TooLong(http.client.HTTPException):
    """The body of a response is longer than it may be."""


class Connector:
    """Sends each request over a connection of its own.

    `private` allows addresses of this machine or of a private network. `seconds` is the timeout of a request.
    `ca_bundle` names a file of certificates to trust instead of the system's.
    """

    def __init__(
        self,
        *,
        private: bool = False,
        seconds: float = TIMEOUT_SECONDS,
        resolve: Resolve = resolve,
        ca_bundle: str | None = None,
    ) -> None:
        self._private = private
        self._seconds = seconds
        self._resolve = resolve
        self._tls = ssl.create_default_context(cafile=ca_bundle)

    def request(
        self, method: str, url: SplitResult, headers: Mapping[str, str], body: bytes | None = None
    ) -> Head | NoResponse | Blocked:
        """Send one request. Never raises for a fault of network or server."""
        return self._exchange(method, url, headers, body, ResponseReader.read_head)

    def fetch(
        self, method: str, url: SplitResult, headers: Mapping[str, str], body: bytes | None, most: int
    ) -> BoundedReply | NoResponse | Blocked:
        """Send one request and read a body of at most `most` bytes; a longer one is no response."""

        def read(reader: ResponseReader) -> BoundedReply:
            head = reader.read_head()
            content = reader.read_body(head, most + 1)
            if len(content) > most:
                raise TooLong
            return BoundedReply(head.status, content)

        return self._exchange(method, url, headers, body, read)

    def _exchange(
        self,
        method: str,
        url: SplitResult,
        headers: Mapping[str, str],
        body: bytes | None,
        read: Callable[[ResponseReader], Response],
    ) -> Response | NoResponse | Blocked:
        until = time.monotonic() + self._seconds
        try:
            # Resolved once, so that the connection goes to the very address that was checked.
            addresses = self._resolve(url.hostname or "", _port(url))
            if not self._allows(addresses):
                return Blocked("the host has a private address")
            return self._send(_connect(addresses, _port(url), until), method, url, headers, body, until, read)
        except TimeoutError:
            return NoResponse(f"no response within {self._seconds:g} s")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return NoResponse(_reason(error))

    def _allows(self, addresses: Sequence[str]) -> bool:
        """One private address is enough to refuse all: a name with both kinds is suspicious."""
        return self._private or all(map(is_public, addresses))

    def _send(
        self,
        sock: socket.socket,
        method: str,
        url: SplitResult,
        headers: Mapping[str, str],
        body: bytes | None,
        until: float,
        read: Callable[[ResponseReader], Response],
    ) -> Response:
        """Send the request and read the response."""
        length = {} if body is None else {"Content-Length": str(len(body))}
        try:
            raw = render_request(
                method, _target(url), {"Host": host_header(url), **headers, **_HEADERS, **length}, body or b""
            )
            sock.settimeout(_left(until))
            if _secure(url):
                sock = self._tls.wrap_socket(sock, server_hostname=url.hostname or "")
            sock.settimeout(_left(until))
            sock.sendall(raw)
            return read(ResponseReader(receive_from(sock), _left(until)))
        finally:
            sock.close()


_HEADERS = {"User-Agent": "harkara", "Accept-Encoding": "identity", "Connection": "close"}


def _secure(url: SplitResult) -> bool:
    return url.scheme == "https"


def _port(url: SplitResult) -> int:
    return url.port or (443 if _secure(url) else 80)


def _target(url: SplitResult) -> str:
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _connect(addresses: Sequence[str], port: int, until: float) -> socket.socket:
    """Connect to the first address that accepts. Raises the OSError of the last one."""
    failure = OSError("the host has no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), min(CONNECT_SECONDS, _left(until)))
        except OSError as error:
            failure = error
    raise failure


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _reason(error: Exception) -> str:
    """A few words of our own: the text of the other side may contain anything."""
    match error:
        case socket.gaierror():
            return "the host name cannot be resolved"
        case ssl.SSLError():
            return "TLS failed: check that the certificate is valid for this host name"
        case ConnectionRefusedError():
            return "the connection was refused"
        case http.client.RemoteDisconnected() | ConnectionError():
            return "the connection broke off"
        case TooLong():
            return "the response is too long"
        case http.client.HTTPException():
            return "the response is not HTTP"
        case ValueError() if not isinstance(error, UnicodeError):
            return "the request cannot be written: check URL and secret"
    return "the host cannot be reached"
