"""The wall to Chat Mitra: one POST, and an exact account of what became of it."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, IncompleteRead, ReadTimeoutError

from harkara.answers import Answer, NoAnswer, NotSent, Replied, Unknown
from harkara.chatmitra.answers import read
from harkara.connections import POOLS, Unconnected
from harkara.errors import Invalid

__all__ = ["Answer", "ChatMitra", "NoAnswer", "NotSent", "Replied"]

LONGEST_BODY = 65_536
"""Bytes of an answer that are read; Chat Mitra's have about a hundred."""


class ChatMitra:
    """Chat Mitra's `send_message`, on as many kept-alive connections as are needed at once.

    Raises Invalid for a URL that is none. `connect_timeout` seconds for each address and for the TLS handshake,
    `read_timeout` for the answer as a whole, `keepalive` for an idle connection, which must be less than the server
    grants: a POST on a connection that the server is just closing leaves nobody wiser. `ca_bundle` names a file of
    certificates to trust instead of certifi's.
    """

    def __init__(
        self,
        url: str,
        connect_timeout: float = 3.05,
        read_timeout: float = 15.0,
        keepalive: float = 4.0,
        ca_bundle: str | None = None,
    ) -> None:
        if not _is_web_address(url):
            raise Invalid("url", "must be the full http or https URL of send_message")
        self._timeout = (connect_timeout, read_timeout)
        self._keepalive = keepalive
        self._verify: bool | str = ca_bundle or True
        self._url = url
        self._lines: list[_Line] = []

    def post(self, token: str, body: str) -> Answer:
        """Sends one message, the JSON `body` as the ledger keeps it. Never raises for what network or server do.

        Raises Invalid for a token that is none.
        """
        if not token.isascii() or not token.isprintable():
            raise Invalid("token", "must be printable ASCII", f"{len(token)} characters")
        line = self._take_line()
        request = line.request_with(token, body.encode())
        line.drop_idle(self._keepalive)
        try:
            response = line.adapter.send(request, stream=True, timeout=self._timeout, verify=self._verify)
            answer = _read(response, token)
        except Unconnected as error:
            answer = NotSent(error.reason)
        except (requests.RequestException, HTTPError, OSError, http.client.HTTPException) as error:
            answer = _broken(error)
        line.used_at = time.monotonic()
        self._lines.append(line)
        return answer

    def _take_line(self) -> _Line:
        """The one that was used last, since it is the least likely to have been idle for too long."""
        try:
            return self._lines.pop()
        except IndexError:
            return _Line(self._url)


class _Line:
    """A connection, and its request, of which only token and body change; one thread at a time has it.

    The adapter is used without a session: a session adds cookies, redirects, proxies and `.netrc` from the environment,
    none of which belongs here, and a third of the CPU time of a POST.
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

    def drop_idle(self, keepalive: float) -> None:
        if time.monotonic() - self.used_at > keepalive:
            self.adapter.close()


class _Adapter(HTTPAdapter):
    """Knows only one URL, so that its pool has to be found only once."""

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


def _is_web_address(url: str) -> bool:
    try:
        requests.Request("POST", url).prepare()
    except (requests.RequestException, ValueError):
        return False
    return url.startswith(("http://", "https://"))


_REASONS: tuple[tuple[tuple[type[BaseException], ...], Unknown], ...] = (
    ((ReadTimeoutError, TimeoutError), "read-timeout"),
    ((IncompleteRead, http.client.IncompleteRead), "half-answer"),
    ((http.client.RemoteDisconnected, ssl.SSLEOFError, ssl.SSLZeroReturnError), "closed"),
    ((ConnectionError,), "reset"),
)


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
    """Once the status is there it counts: only a success has to come whole to be believed."""
    status = response.status_code
    try:
        body = response.raw.read(LONGEST_BODY + 1, decode_content=True)
    except (HTTPError, OSError, http.client.HTTPException):
        response.close()
        if 200 <= status < 300:
            raise
        body = b""
    if len(body) > LONGEST_BODY:
        response.close()
    return read(status, body, retry_after=response.headers.get("Retry-After"), token=token)


def _broken(error: BaseException) -> NoAnswer:
    """Looks for the one among the nested errors that says what the socket did; the order matters, for some are kinds of
    each other.
    """
    chain = list(_causes(error))
    for kinds, reason in _REASONS:
        if any(isinstance(each, kinds) for each in chain):
            return NoAnswer(reason)
    return NoAnswer("unreadable")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
