"""The wall to the application: one signed POST to its callback URL, and what became of it."""

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
from harkara.connections import TimedResponse
from harkara.errors import Invalid

SECONDS = 10.0
"""So long the application may take, from the connection to the head of its answer."""

CONNECT_SECONDS = 3.05
"""Of these for each of its addresses."""


@dataclass(frozen=True, slots=True)
class Answered:
    """It answered. `retry_after` is in seconds."""

    status: int
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It did not, and nobody knows whether it has read the request."""

    reason: str


@dataclass(frozen=True, slots=True)
class Barred:
    """Nothing was sent: its host leads to an address that callbacks must not go to."""

    reason: str


Answer = Answered | Unanswered | Barred


class Endpoint:
    """Where the application listens, and the secret that it shares with us.

    Raises Invalid for a `url` that is not https (with `private`, http will do) and for a `secret` that is not in the
    form of Standard Webhooks. With `private` it may be an address of this machine or of a private network. A POST has
    so many `seconds`. `ca_bundle` names a file of certificates to trust instead of the system's.

    Redirects, proxies and cookies are not known here, and each POST has a connection of its own.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        private: bool = False,
        seconds: float = SECONDS,
        resolve: Resolve = resolve,
        ca_bundle: str | None = None,
    ) -> None:
        self._url = _checked(url, private)
        self._signer = _signer(secret)
        self._private = private
        self._seconds = seconds
        self._resolve = resolve
        self._tls = ssl.create_default_context(cafile=ca_bundle)

    def post(self, identity: str, body: bytes) -> Answer:
        """Sends one callback, JSON in UTF-8. Never raises for what network or server do."""
        until = time.monotonic() + self._seconds
        host, port = self._url.hostname or "", self._port
        try:
            # Asked once: the address that is checked is the one that is connected to, whatever the name says next.
            addresses = self._resolve(host, port)
            if barred := self._barred(addresses):
                return barred
            return self._ask(_connect(addresses, port, until), identity, body, until)
        except TimeoutError:
            return Unanswered("no answer in time")
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            return Unanswered(_reason(error))

    @property
    def _secure(self) -> bool:
        return self._url.scheme == "https"

    @property
    def _port(self) -> int:
        return self._url.port or (443 if self._secure else 80)

    def _barred(self, addresses: Sequence[str]) -> Barred | None:
        """One that is private bars all: a name that has both is up to something."""
        if self._private or all(map(is_public, addresses)):
            return None
        return Barred("its host leads to a private address: set HARKARA_CALLBACK_PRIVATE, or correct the URL")

    def _ask(self, sock: socket.socket, identity: str, body: bytes, until: float) -> Answered:
        """Of the answer only the head is read: it says all that counts here."""
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
                return Answered(response.status, seconds_to_wait(response.headers.get("Retry-After")))
        finally:
            connection.close()

    @property
    def _target(self) -> str:
        return (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")

    def _headers(self, identity: str, body: bytes) -> dict[str, str]:
        """As Standard Webhooks has them: the same id on every try, the time and so the signature of this one."""
        now = datetime.now(UTC)
        return {
            "User-Agent": "harkara",
            "Content-Type": "application/json",
            "Connection": "close",
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(identity, now, body.decode()),
        }


def _checked(url: str, private: bool) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # raises ValueError for a port that is none
    except ValueError:
        host = None
    if not host or parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        raise Invalid("url", "must be a full URL in ASCII without a user name, such as https://example.com/harkara")
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise Invalid("url", "must begin with https://, or with http:// where private addresses are allowed")
    return parts


def _signer(secret: str) -> Webhook:
    """The specification wants 24 to 64 random bytes (Standard Webhooks, Signature scheme)."""
    prefix, _, text = secret.partition("_")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if prefix != "whsec" or not 24 <= len(key) <= 64:
        raise Invalid("secret", "must be whsec_ and the base64 of 24 to 64 random bytes")
    return Webhook(key)


def _connect(addresses: Sequence[str], port: int, until: float) -> socket.socket:
    """To the first that takes the connection. Raises OSError of the last one."""
    failure = OSError("the name has no address")
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
    """Few words, and none of what the other side said."""
    match error:
        case socket.gaierror():
            return "its name is not known"
        case ssl.SSLError():
            return "TLS failed: is its certificate valid for this name?"
        case ConnectionRefusedError():
            return "the connection was refused"
        case http.client.RemoteDisconnected() | ConnectionError():
            return "the connection broke off"
        case http.client.HTTPException():
            return "the answer is not HTTP"
    return "it cannot be reached"
