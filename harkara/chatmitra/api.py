"""The client of Chat Mitra's `send_message`: one POST, and exactly what is known about it afterwards."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import requests
import structlog
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, IncompleteRead, ReadTimeoutError

from harkara.answers import Answer, NoAnswer, NoAnswerReason, NotSent, seconds_to_wait
from harkara.chatmitra.parse_answer import parse_answer
from harkara.errors import Invalid
from harkara.timed_connections import FIRST_BYTE, POOLS, Unconnected

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
        self._timeout = (connect_timeout, read_timeout)
        self._keepalive = keepalive
        self._verify: bool | str = ca_bundle or True
        self._url = url
        self._connections: list[_Connection] = []

    def post(self, token: str, body: str) -> Answer:
        """Send one message, the JSON `body` as the ledger stores it. Never raises.

        Whatever fails before the first byte of the request, such as a token that cannot be a header, is NotSent.
        """
        connection = self._acquire()
        FIRST_BYTE.sent = False
        try:
            request = connection.request_with(token, body.encode())
            connection.close_if_idle(self._keepalive)
            response = connection.adapter.send(request, stream=True, timeout=self._timeout, verify=self._verify)
            answer = _read(response, token)
        except Unconnected as error:
            answer = NotSent(error.reason)
        except Exception as error:
            answer = NoAnswer(_no_answer_reason(error)) if FIRST_BYTE.sent else _not_sent(error)
        connection.used_at = time.monotonic()
        self._connections.append(connection)
        return answer

    def _acquire(self) -> _Connection:
        """Return the connection that was used last, because it has been idle for the shortest time."""
        try:
            return self._connections.pop()
        except IndexError:
            return _Connection(self._url)


class _Connection:
    """A connection and its prepared request, whose token and body are replaced; one thread uses it at a time.

    The adapter is used without a session. A session would add cookies, redirects, proxies and `.netrc`, which this
    client must not use. It would also add a third to the CPU time of a POST.
    """

    def __init__(self, url: str) -> None:
        self.adapter = _Adapter(pool_connections=1, pool_maxsize=1)
        self.used_at = 0.0
        self._request = requests.Request("POST", url, headers=_HEADERS).prepare()

    def request_with(self, token: str, body: bytes) -> requests.PreparedRequest:
        self._request.headers["Authorization"] = f"Bearer {token}"
        self._request.headers["Content-Length"] = str(len(body))
        self._request.body = body
        return self._request

    def close_if_idle(self, keepalive: float) -> None:
        if time.monotonic() - self.used_at > keepalive:
            self.adapter.close()


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
