"""A keep-alive HTTP connection to the application that receives the webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import h11

CHUNK_BYTES = 65_536


class WebhookConnection:
    """Posts one request at a time, and connects again when the URL changes or the server closes."""

    def __init__(self) -> None:
        self._open: _OpenConnection | None = None

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes, seconds: float) -> int:
        """Return the status of a complete response within `seconds`.

        Raises OSError, which includes TimeoutError, or h11.RemoteProtocolError; the next post connects again.
        """
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(seconds):
                connection = await self._connect(parts)
                head = h11.Request(method="POST", target=_target(parts), headers=_headers(parts, headers, body))
                connection.send(head, h11.Data(data=body), h11.EndOfMessage())
                status = await connection.read_status()
        except BaseException:
            self.close()
            raise
        if not connection.is_reusable():
            self.close()
        return status

    def close(self) -> None:
        if self._open is not None:
            self._open.writer.close()
            self._open = None

    async def _connect(self, parts: SplitResult) -> _OpenConnection:
        origin = (parts.scheme, parts.netloc)
        if self._open is not None and (self._open.origin != origin or self._open.reader.at_eof()):
            self.close()
        if self._open is None:
            secure = parts.scheme == "https"
            port = parts.port or (443 if secure else 80)
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure or None)
            self._open = _OpenConnection(origin, reader, writer, h11.Connection(h11.CLIENT))
        return self._open


@dataclass(slots=True)
class _OpenConnection:
    origin: tuple[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection

    def send(self, *events: h11.Event) -> None:
        self.writer.write(b"".join(self.http.send(event) or b"" for event in events))

    async def read_status(self) -> int:
        status = 0
        while not isinstance(event := self.http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self.http.receive_data(await self.reader.read(CHUNK_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("closed without a response")
        return status

    def is_reusable(self) -> bool:
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        return True


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(parts: SplitResult, given: Sequence[tuple[str, str]], body: bytes) -> list[tuple[str, str]]:
    return [("Host", parts.netloc.rpartition("@")[2]), *given, ("Content-Length", str(len(body)))]
