"""The client of Chat Mitra's `send_message`: one POST, and exactly what is known about it afterwards."""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable
from http.client import IncompleteRead, RemoteDisconnected
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import requests
import structlog
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from harkara.answers import Answer, NoAnswer, NoAnswerReason, NotSent, ProviderConnection, seconds_to_wait
from harkara.chatmitra.adapter import ConnectionAdapter, TooLate, Unconnected
from harkara.chatmitra.parse_answer import parse_answer
from harkara.errors import Invalid

log = structlog.get_logger(__name__)

HANDSHAKES = 16
"""The round trip is that of the quickest of so many: it waited least for the name server and for its thread."""


class ChatMitra:
    """Sends messages over kept-alive connections, as many as there are POSTs at the same time.

    `connect_timeout` seconds apply to each address and to the TLS handshake, `read_timeout` to the whole answer.
    `keepalive` is how long a connection may be idle. It must be shorter than the server's own limit: when the server
    closes a connection during a POST, the outcome is unknown. `ca_bundle` names a file of certificates to trust instead
    of certifi's. Raises Invalid for a URL that is not http or https, and for certificates that cannot be read.
    """

    def __init__(
        self,
        url: str,
        connect_timeout: float = 3.05,
        read_timeout: float = 15.0,
        keepalive: float = 4.0,
        ca_bundle: str | None = None,
    ) -> None:
        request = _prepare(url)
        tls = _tls_context(ca_bundle or DEFAULT_CA_BUNDLE_PATH) if url.startswith("https://") else None
        self._handshakes: deque[float] = deque(maxlen=HANDSHAKES)
        self._options = _Options(request, tls, connect_timeout, read_timeout, keepalive, self._handshakes.append)
        self._idle: list[_Connection] = []

    def connect(self, at: float) -> ProviderConnection:
        """Return an open connection for one POST at `at`. Never raises: the POST says what failed.

        It is the connection that was used last, because it has been idle for the shortest time. It is opened here,
        since a handshake may last longer than a request may be late in its slot.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _Connection(self._options, self._idle)
        connection.open(at)
        return connection

    def round_trip(self) -> float | None:
        """Return the seconds of a round trip to the server, by its latest connections; None before the first."""
        return min(self._handshakes.copy(), default=None)


class _Options(NamedTuple):
    request: requests.PreparedRequest
    tls: ssl.SSLContext | None
    connect_timeout: float
    read_timeout: float
    keepalive: float
    connected: Callable[[float], object]


class _Connection:
    """A connection and its prepared request, whose token and body are replaced; one thread uses it at a time.

    The adapter is used without a session. A session would add cookies, redirects, proxies and `.netrc`, which this
    client must not use. It would also cost more CPU time than the POST.
    """

    def __init__(self, options: _Options, idle: list[_Connection]) -> None:
        self._keepalive = options.keepalive
        self._idle = idle
        self._request = request = options.request.copy()
        self._headers = dict(request.headers)
        request.headers = self._headers  # type: ignore[assignment]  # a plain dict, which is rendered faster
        self._adapter = ConnectionAdapter(
            str(request.url), options.tls, options.connect_timeout, options.read_timeout, options.connected
        )
        self._used_at = 0.0
        self._not_sent: NotSent | None = None

    def open(self, at: float) -> None:
        """Open it unless it is open and will be fresh at `at`."""
        if at - self._used_at > self._keepalive:
            self._adapter.close()
        try:
            if at > time.monotonic() or not self._adapter.is_open:  # otherwise the POST, which follows, examines it
                self._adapter.open()
            self._not_sent = None
        except Unconnected as error:
            self._not_sent = NotSent(error.reason)
        except Exception as error:
            self._not_sent = _not_sent(error)

    def post(self, token: str, body: str, too_late: Callable[[], bool]) -> Answer | None:
        """Send one message, the JSON `body` as the ledger stores it. Never raises.

        Whatever fails before the first byte of the request, such as a token that cannot be a header, is NotSent.
        """
        try:
            return self._not_sent or self._post(token, body, too_late)
        finally:
            self._used_at = time.monotonic()
            self._idle.append(self)

    def _post(self, token: str, body: str, too_late: Callable[[], bool]) -> Answer | None:
        try:
            response = self._adapter.send(self._request_with(token, body.encode()), too_late=too_late)
            retry_after = seconds_to_wait(response.headers)
            return parse_answer(
                response.status_code, response.content, retry_after=retry_after, token=token, request=body
            )
        except TooLate:
            return None
        except Unconnected as error:
            return NotSent(error.reason)
        except Exception as error:
            return NoAnswer(_no_answer_reason(error)) if self._adapter.began else _not_sent(error)

    def _request_with(self, token: str, body: bytes) -> requests.PreparedRequest:
        self._headers["Authorization"] = f"Bearer {token}"
        self._headers["Content-Length"] = str(len(body))
        self._request.body = body
        return self._request


def _prepare(url: str) -> requests.PreparedRequest:
    """Return what all requests have in common. Raises Invalid."""
    try:
        request = requests.Request("POST", url, headers=_HEADERS).prepare()
    except (requests.RequestException, ValueError):
        request = None
    if request is None or not url.startswith(("http://", "https://")):
        raise Invalid("url", "must be the full http or https URL of send_message")
    return request


def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    """Return the settings of TLS for all connections: the certificates are read and held once."""
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise Invalid("ca_bundle", "must be a readable file of certificates in PEM") from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def _version() -> str:
    try:
        return version("harkara")
    except PackageNotFoundError:
        return "source"


_HEADERS = {
    "User-Agent": f"harkara/{_version()}",
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
}


def _not_sent(error: Exception) -> NotSent:
    """Log the type of the error; its text may quote the token or the message."""
    log.error("request not sent", action="request_failed", error=type(error).__name__)
    return NotSent("request")


_REASONS: tuple[tuple[tuple[type[Exception], ...], NoAnswerReason], ...] = (
    # In this order, because some of these types are subclasses of later ones.
    ((TimeoutError,), "read-timeout"),
    ((IncompleteRead,), "half-answer"),
    ((RemoteDisconnected, ssl.SSLEOFError, ssl.SSLZeroReturnError), "closed"),
    ((ConnectionError,), "reset"),
)


def _no_answer_reason(error: Exception) -> NoAnswerReason:
    """Classify by what the socket did; anything else is not an answer in HTTP."""
    return next((reason for kinds, reason in _REASONS if isinstance(error, kinds)), "unreadable")
