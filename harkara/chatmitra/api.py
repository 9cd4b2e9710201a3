"""The client of Chat Mitra's `send_message`: one POST, and exactly what is known about it afterwards."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import requests
import structlog
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, IncompleteRead, ReadTimeoutError

from harkara.answers import Answer, NoAnswer, NoAnswerReason, NotSent, ProviderConnection, seconds_to_wait
from harkara.chatmitra.parse_answer import parse_answer
from harkara.errors import Invalid
from harkara.timed_connections import FIRST_BYTE, POOLS, TooLate, Unconnected

log = structlog.get_logger(__name__)

MAX_BODY = 65_536
"""Bytes of an answer that are read; Chat Mitra's have about a hundred."""


class ChatMitra:
    """Sends messages over kept-alive connections, as many as there are POSTs at the same time.

    `connect_timeout` seconds apply to each address and to the TLS handshake, `read_timeout` to the whole answer.
    `keepalive` is how long a connection may be idle. It must be shorter than the server's own limit: when the server
    closes a connection during a POST, the outcome is unknown. `ca_bundle` names a file of certificates to trust instead
    of certifi's. Raises Invalid for a URL that is not http or https.
    """

    def __init__(
        self,
        url: str,
        connect_timeout: float = 3.05,
        read_timeout: float = 15.0,
        keepalive: float = 4.0,
        ca_bundle: str | None = None,
    ) -> None:
        if not _is_http_url(url):
            raise Invalid("url", "must be the full http or https URL of send_message")
        self._options = _Options(connect_timeout, read_timeout, keepalive, ca_bundle or True)
        self._url = url
        self._idle: list[_Connection] = []

    def connect(self, at: float) -> ProviderConnection:
        """Return an open connection for one POST at `at`. Never raises: the POST says what failed.

        It is the connection that was used last, because it has been idle for the shortest time. It is opened here,
        since a handshake may last longer than a request may be late in its slot.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _Connection(self._url, self._options, self._idle)
        connection.open(at)
        return connection


class _Options(NamedTuple):
    connect_timeout: float
    read_timeout: float
    keepalive: float
    verify: bool | str


class _Connection:
    """A connection and its prepared request, whose token and body are replaced; one thread uses it at a time.

    The adapter is used without a session. A session would add cookies, redirects, proxies and `.netrc`, which this
    client must not use. It would also add a third to the CPU time of a POST.
    """

    def __init__(self, url: str, options: _Options, idle: list[_Connection]) -> None:
        self._options = options
        self._idle = idle
        self._adapter = _Adapter(pool_connections=1, pool_maxsize=1)
        self._used_at = 0.0
        self._not_sent: NotSent | None = None
        self._request = requests.Request("POST", url, headers=_HEADERS).prepare()

    def open(self, at: float) -> None:
        """Open it unless it is open and will be fresh at `at`."""
        if at - self._used_at > self._options.keepalive:
            self._adapter.close()
        try:
            self._adapter.open(self._request, self._options)
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
            if self._not_sent or too_late():  # at the first byte, the connection would have to be closed
                return self._not_sent
            return self._post(token, body, too_late)
        finally:
            self._used_at = time.monotonic()
            self._idle.append(self)

    def _post(self, token: str, body: str, too_late: Callable[[], bool]) -> Answer | None:
        FIRST_BYTE.expect(too_late)
        timeout = self._options.connect_timeout, self._options.read_timeout
        try:
            request = self._request_with(token, body.encode())
            response = self._adapter.send(request, stream=True, timeout=timeout, verify=self._options.verify)
            return _read(response, token)
        except TooLate:
            return None
        except Unconnected as error:
            return NotSent(error.reason)
        except Exception as error:
            return NoAnswer(_no_answer_reason(error)) if FIRST_BYTE.sent else _not_sent(error)

    def _request_with(self, token: str, body: bytes) -> requests.PreparedRequest:
        self._request.headers["Authorization"] = f"Bearer {token}"
        self._request.headers["Content-Length"] = str(len(body))
        self._request.body = body
        return self._request


class _Adapter(HTTPAdapter):
    """Has one URL, so it finds its pool only once."""

    _pool: Any = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def open(self, request: requests.PreparedRequest, options: _Options) -> None:
        """Open the connection, unless it is open, as `send` would. Raises Unconnected."""
        pool = self.get_connection_with_tls_context(request, options.verify)
        self.cert_verify(pool, request.url, options.verify, None)  # type: ignore[no-untyped-call]
        pool.open(options.connect_timeout)

    def close(self) -> None:
        super().close()
        self._pool = None


def _is_http_url(url: str) -> bool:
    try:
        requests.Request("POST", url).prepare()
    except (requests.RequestException, ValueError):
        return False
    return url.startswith(("http://", "https://"))


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


def _read(response: requests.Response, token: str) -> Answer:
    """Parse the answer. An error status counts without its body; a success must be complete."""
    status = response.status_code
    try:
        body = response.raw.read(MAX_BODY + 1, decode_content=True)
    except (HTTPError, OSError, http.client.HTTPException):
        response.close()
        if 200 <= status < 300:
            raise
        body = b""
    if len(body) > MAX_BODY:
        response.close()
    return parse_answer(status, body, retry_after=seconds_to_wait(response.headers), token=token)


def _not_sent(error: Exception) -> NotSent:
    """Log the type of the error; its text may quote the token or the message."""
    log.error("request not sent", action="request_failed", error=type(error).__name__)
    return NotSent("request")


_REASONS: tuple[tuple[tuple[type[BaseException], ...], NoAnswerReason], ...] = (
    # In this order, because some of these types are subclasses of later ones.
    ((ReadTimeoutError, TimeoutError), "read-timeout"),
    ((IncompleteRead, http.client.IncompleteRead), "half-answer"),
    ((http.client.RemoteDisconnected, ssl.SSLEOFError, ssl.SSLZeroReturnError), "closed"),
    ((ConnectionError,), "reset"),
)


def _no_answer_reason(error: BaseException) -> NoAnswerReason:
    """Classify by the nested error that describes what the socket did."""
    chain = list(_causes(error))
    for kinds, reason in _REASONS:
        if any(isinstance(each, kinds) for each in chain):
            return reason
    return "unreadable"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
