"""POST one signed callback to the URL of the application."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from standardwebhooks import Webhook

from harkara.answers import seconds_to_wait
from harkara.callbacks.address import Resolve, is_public, resolve
from harkara.errors import Invalid
from harkara.timed_connections import TimedResponse

TIMEOUT_SECONDS = 10.0
"""From the connection to the end of the response headers."""

CONNECT_SECONDS = 3.05
"""The part of the timeout that each address of the host may use."""


@dataclass(frozen=True, slots=True)
class Responded:
    """The application responded. `retry_after` is in seconds."""

    status: int
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class NoResponse:
    """The application did not respond, and may or may not have read the request."""

    reason: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing was sent: the host has an address that callbacks must not go to."""

    reason: str


EndpointResponse = Responded | NoResponse | Blocked


class Endpoint:
    """The callback URL of the application, with the secret that signs each POST.

    `private` allows http, and addresses of this machine or of a private network. `seconds` is the timeout of a POST.
    `ca_bundle` names a file of certificates to trust instead of the system's. Raises Invalid for a `url` that is not
    https, unless `private`, and for a `secret` that is not in the form of Standard Webhooks.

    A POST uses a connection of its own, and neither redirects nor proxies nor cookies.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        private: bool = False,
        seconds: float = TIMEOUT_SECONDS,
        resolve: Resolve = resolve,
        ca_bundle: str | None = None,
    ) -> None:
        self._url = _validated_url(url, private)
        self._signer = _signer(secret)
        self._private = private
        self._seconds = seconds
        self._resolve = resolve
        self._tls = ssl.create_default_context(cafile=ca_bundle)

    def post(self, identity: str, body: bytes) -> EndpointResponse:
        """Send one callback, JSON in UTF-8. Never raises for a fault of network or server."""
        until = time.monotonic() + self._seconds
        host, port = self._url.hostname or "", self._port
        try:
            # Resolved once, so that the connection goes to the very address that was checked.
            addresses = self._resolve(host, port)
            if not self._allows(addresses):
                return Blocked(_PRIVATE_ADDRESS)
            return self._send(_connect(addresses, port, until), identity, body, until)
        except TimeoutError:
            return NoResponse(f"no response within {self._seconds:g} s")
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            return NoResponse(_reason(error))

    @property
    def _secure(self) -> bool:
        return self._url.scheme == "https"

    @property
    def _port(self) -> int:
        return self._url.port or (443 if self._secure else 80)

    def _allows(self, addresses: Sequence[str]) -> bool:
        """One private address is enough to refuse all: a name with both kinds is suspicious."""
        return self._private or all(map(is_public, addresses))

    def _send(self, sock: socket.socket, identity: str, body: bytes, until: float) -> Responded:
        """Send the request and read the headers of the response; its body is not needed."""
        host = self._url.hostname or ""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(host, self._port)
        connection.response_class = TimedResponse
        connection.sock = sock
        try:
            sock.settimeout(_left(until))
            if self._secure:
                connection.sock = sock = self._tls.wrap_socket(sock, server_hostname=host)
            sock.settimeout(_left(until))
            connection.request("POST", self._target, body, self._headers(identity, body))
            sock.settimeout(_left(until))
            with connection.getresponse() as response:
                return Responded(response.status, seconds_to_wait(response.headers.get("Retry-After")))
        finally:
            connection.close()

    @property
    def _target(self) -> str:
        return (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")

    def _headers(self, identity: str, body: bytes) -> dict[str, str]:
        """Return the headers of Standard Webhooks: every try has the same id, and its own time and signature."""
        now = datetime.now(UTC)
        return {
            "User-Agent": "harkara",
            "Content-Type": "application/json",
            "Connection": "close",
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(identity, now, body.decode()),
        }


_PRIVATE_ADDRESS = "the host has a private address: set HARKARA_CALLBACK_PRIVATE, or correct the URL"


def _validated_url(url: str, private: bool) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # raises ValueError for a port that is not a number
    except ValueError:
        host = None
    if not host or parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        raise Invalid("url", "must be a full URL in ASCII without a user name, for example https://example.com/harkara")
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise Invalid("url", "must begin with https://, or with http:// where private addresses are allowed")
    return parts


def _signer(secret: str) -> Webhook:
    """The specification demands 24 to 64 random bytes (Standard Webhooks, Signature scheme)."""
    prefix, _, text = secret.partition("_")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if prefix != "whsec" or not 24 <= len(key) <= 64:
        raise Invalid("secret", "must be whsec_ and the base64 of 24 to 64 random bytes")
    return Webhook(key)


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
        case http.client.HTTPException():
            return "the response is not HTTP"
    return "the host cannot be reached"
