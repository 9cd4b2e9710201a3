"""One HTTP/1.1 request and its response over a socket, with one time limit for the whole response.

The provider's client (`harkara.chatmitra`) and the callbacks to the application (`harkara.callbacks`) use it. It costs
a fifth of the CPU time of `http.client`, whose parser of headers is the one for e-mail.
"""

from __future__ import annotations

import re
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import NamedTuple
from urllib.parse import SplitResult

MAX_HEAD = 65_536
"""Bytes of a status line with its headers, of interim responses too, and of a line between chunks."""

PART = 16_384
"""Bytes of one read: a record of TLS, so that none of it stays unread within the socket."""

Receive = Callable[[float], bytes]
"""Returns some bytes within so many seconds, none at the end of the connection; raises TimeoutError."""

_NO_BODY = (204, 304)


class Head(NamedTuple):
    """The status and the headers of a response. The names of the headers are in lower case."""

    status: int
    headers: dict[str, str]
    keepalive: bool
    """Whether the server keeps the connection open after this response."""


def host_header(url: SplitResult) -> str:
    """Return the header `Host` for a URL, without the port that its scheme has by default."""
    default_port = ":443" if url.scheme == "https" else ":80"
    return url.netloc.rpartition("@")[2].removesuffix(default_port)


def render_request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a request as bytes. `headers` are all that it has; `Host` and `Content-Length` are not added.

    Raises ValueError for a text that cannot be in a request, or that would add a line to it.
    """
    if _NOT_IN_A_TARGET.search(target):
        raise ValueError("the URL has a character that must be encoded")
    lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()], "", ""]
    head = "\r\n".join(lines)
    if not head.count("\r") == head.count("\n") == len(lines) - 1:
        raise ValueError("a header has more than one line")
    return head.encode("latin-1") + body


def receive_from(sock: socket.socket) -> Receive:
    """Return what receives from a socket whose timeout it may change."""

    def receive(seconds: float) -> bytes:
        sock.settimeout(seconds)
        return sock.recv(PART)

    return receive


class ResponseReader:
    """Reads one response within `seconds`, the head first.

    Raises TimeoutError, RemoteDisconnected when the connection ended before the first byte, IncompleteRead when it
    ended later, HTTPException for what is not HTTP, and the errors of the socket.
    """

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._until = time.monotonic() + seconds
        self._unread = b""
        self._complete = False

    def read_head(self) -> Head:
        """Return the status and the headers of the final response; interim ones are skipped."""
        size = 0
        while True:
            raw = self._read_raw_head()
            size += len(raw)
            if size > MAX_HEAD:
                raise HTTPException("the head of the response is too long")
            head = _parse_head(raw)
            if head.status >= 200:
                return head

    def read_body(self, head: Head, limit: int) -> bytes:
        """Return the body, decompressed, or the first `limit` bytes of a longer one."""
        body = self._read_raw_body(head, limit)
        if head.headers.get("content-encoding", "").lower() in ("gzip", "x-gzip", "deflate"):
            return _decompress(body, limit)
        return body[:limit]

    def may_be_reused(self, head: Head) -> bool:
        """Whether the next request may use the connection: nothing of this response is or will be left in it."""
        return self._complete and head.keepalive and not self._unread

    def _read_raw_head(self) -> bytes:
        searched = 0
        while not (end := _HEAD_END.search(self._unread, searched)):
            searched = max(0, len(self._unread) - 3)
            if searched > MAX_HEAD:
                raise HTTPException("the head of the response is too long")
            if not self._read_more():
                raise HTTPException("the head has no end") if self._unread else RemoteDisconnected("no response")
        raw, self._unread = self._unread[: end.start()], self._unread[end.end() :]
        return raw

    def _read_raw_body(self, head: Head, limit: int) -> bytes:
        """Find the length of the body (RFC 9112, 6.3)."""
        coding, length = head.headers.get("transfer-encoding"), head.headers.get("content-length")
        if head.status in _NO_BODY:
            body = b""
        elif coding is not None:
            return self._read_chunks(coding, limit)
        elif length is None:
            return self._read_to_the_end(limit)
        else:
            size = _parse_length(length)
            body = self._read_exactly(min(size, limit + 1))
            if size > limit:
                return body
        self._complete = True
        return body

    def _read_chunks(self, coding: str, limit: int) -> bytes:
        if coding.lower() != "chunked":
            raise HTTPException("the transfer coding is unknown")
        body = b""
        while size := _parse_chunk_size(self._read_line()):
            body += self._read_exactly(min(size, limit + 1 - len(body)))
            if len(body) > limit:
                return body
            if self._read_line():
                raise HTTPException("a chunk is longer than its size")
        while self._read_line():
            pass  # a trailer
        self._complete = True
        return body

    def _read_to_the_end(self, limit: int) -> bytes:
        while len(self._unread) <= limit and self._read_more():
            pass
        return self._unread

    def _read_exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            if not self._read_more():
                raise IncompleteRead(b"", size - len(self._unread))
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _read_line(self) -> bytes:
        searched = 0
        while (end := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            if searched > MAX_HEAD:
                raise HTTPException("a line between chunks is too long")
            if not self._read_more():
                raise IncompleteRead(b"")
        line, self._unread = self._unread[:end], self._unread[end + 1 :]
        return line.strip()

    def _read_more(self) -> bool:
        """Read some bytes; return False at the end of the connection."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole response took too long")
        part = self._receive(left)
        self._unread += part
        return bool(part)


_NOT_IN_A_TARGET = re.compile(r"[^!-~]")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(r"HTTP/1\.(\d) ([1-9]\d\d)(?: .*)?", re.ASCII)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")


def _parse_head(raw: bytes) -> Head:
    """Parse a status line and headers. A header that appears again is appended to the first (RFC 9110, 5.3)."""
    first, *lines = raw.decode("latin-1").split("\n")
    status = _STATUS_LINE.fullmatch(first.rstrip("\r"))
    if not status:
        raise HTTPException("the response is not HTTP/1")
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[:1] in (" ", "\t"):  # the line continues the one before it
            value = line
        else:
            name, _, value = line.partition(":")
            name = name.rstrip().lower()
        value = value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    connection = headers.get("connection", "").lower()
    return Head(int(status[2]), headers, "keep-alive" in connection if status[1] == "0" else "close" not in connection)


def _parse_length(value: str) -> int:
    """Parse a Content-Length, which may be repeated but not differ (RFC 9110, 8.6)."""
    first, *others = map(str.strip, value.split(","))
    if not (first.isascii() and first.isdecimal()) or any(one != first for one in others):
        raise HTTPException("the length of the body is not a number")
    return int(first[:20])


def _parse_chunk_size(line: bytes) -> int:
    found = _CHUNK_SIZE.fullmatch(line)
    if not found:
        raise HTTPException("the size of a chunk is not a number")
    return int(found[1], 16)


def _decompress(body: bytes, limit: int) -> bytes:
    """Decompress a body, which a proxy may compress although no request asks for it."""
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, limit)  # gzip or zlib
    except zlib.error as error:
        raise HTTPException("the body cannot be decompressed") from error
