"""The stand-in's server, `python -m benchmarks.stand_in_server`: so light that it is never what is measured."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import deque

from sandbox.limit import SlidingWindow, parse_limit

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)
_RECIPIENT = re.compile(rb"recipient_mobile_number\W+(\d+)")
_HEAD = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s"

# Chat Mitra docs, Responses. Encoded once, since the CPU time of this server is missing from the measured processes.
_QUEUED = b'{"status": "success", "message": "Request queued", "jobId": "job-%08d"}'
_ACCEPTED = _HEAD % (b"202 Accepted", len(_QUEUED % 0), b"", _QUEUED)
_ERROR = b'{"status": "error", "message": "Rate limit exceeded"}'
_REFUSED = _HEAD % (b"429 Too Many Requests", len(_ERROR), b"Retry-After: 1\r\n", _ERROR)


PostRecord = tuple[int, int, bytes]
"""Nanoseconds since the epoch, the status of the response, the body."""


class Account:
    """Records every POST, and responds with 202 after `latency` seconds or with 429 at once."""

    def __init__(self, latency: float, limit: str) -> None:
        self._latency = latency
        self._limit = parse_limit(limit)
        self._window = SlidingWindow()
        self._posts: list[PostRecord] = []
        self._responses: deque[tuple[float, asyncio.Transport, bytes]] = deque()
        self._loop = asyncio.get_running_loop()

    def post(self, transport: asyncio.Transport, body: bytes) -> None:
        now = self._loop.time()
        admitted = self._window.try_acquire("", now, self._limit)
        self._posts.append((time.time_ns(), 202 if admitted else 429, body))
        if not admitted:
            transport.write(_REFUSED)
            return
        if not self._responses:
            self._loop.call_later(self._latency, self._send_due)
        self._responses.append((now + self._latency, transport, _ACCEPTED % len(self._posts)))

    def get(self, path: bytes) -> bytes:
        """Return the number of POSTs for `/seen`, otherwise the log: nanoseconds since the epoch, status, recipient."""
        found: dict[str, object] = {"posts": len(self._posts)}
        if path != b"/seen":
            found = {"posts": [_summary(post) for post in self._posts]}
        body = json.dumps(found).encode()
        return _HEAD % (b"200 OK", len(body), b"", body)

    def _send_due(self) -> None:
        """Send the due responses. All have the same latency, so one queue and one timer are enough."""
        due = self._loop.time() + 0.0005
        while self._responses and self._responses[0][0] <= due:
            _, transport, response = self._responses.popleft()
            if not transport.is_closing():
                transport.write(response)
        if self._responses:
            self._loop.call_at(self._responses[0][0], self._send_due)


class Connection(asyncio.Protocol):
    """Parses requests as HTTP clients write them: a head, then as many bytes as its Content-Length says."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[: end + 2]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._unread) < whole:
                return
            body, self._unread = self._unread[end + 4 : whole], self._unread[whole:]
            method, path, _ = head.split(b" ", 2)
            if method == b"POST":
                self._account.post(self._transport, body)
            else:
                self._transport.write(self._account.get(path))


def _summary(post: PostRecord) -> tuple[int, int, str]:
    at, status, body = post
    found = _RECIPIENT.search(body)
    return at, status, found[1].decode() if found else ""


async def _serve(latency: float, limit: str) -> None:
    account = Account(latency, limit)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(account), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds until the response to a message")
    parser.add_argument("--limit", default="none", help="requests in any sliding window, such as 80/1s")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.latency, arguments.limit))
