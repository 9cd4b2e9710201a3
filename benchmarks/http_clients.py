"""Applications that call the HTTP API, each on a connection that stays open."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlsplit

from benchmarks.environment import TOKEN
from benchmarks.messages import recipient, text


@dataclass(frozen=True, slots=True)
class Request:
    """A POST to a path of the HTTP API."""

    path: str
    body: bytes
    headers: Mapping[str, str]


@dataclass
class HttpClient:
    """One caller, whose connection opens with its first request."""

    url: str
    connection: HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)

    def post(self, request: Request) -> None:
        """Raises AssertionError for an error of the HTTP API."""
        self.connection.request("POST", request.path, request.body, dict(request.headers))
        response = self.connection.getresponse()
        answer = response.read()
        assert response.status < 300, f"{response.status}: {answer!r}"


def message(n: int) -> Request:
    """Return a message in Chat Mitra's own format."""
    body = {"recipient_mobile_number": recipient(n), "message": text(n)}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    return Request("/developer/api/send_message", json.dumps(body).encode(), headers)


def post_all(url: str, requests: Sequence[Request], clients: int) -> float:
    """POST all requests by so many clients at the same time; return the requests per second."""
    callers = [HttpClient(url) for _ in range(clients)]

    def post_share(n: int) -> None:
        for request in requests[n::clients]:
            callers[n].post(request)

    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(post_share, range(clients)))
    seconds = time.perf_counter() - start
    for caller in callers:
        caller.connection.close()
    return len(requests) / seconds
