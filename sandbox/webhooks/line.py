"""One connection to the application that hears webhooks, kept open between them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import h11

CHUNK_BYTES = 65_536


class Line:
    """Posts one request at a time."""

    def __init__(self) -> None:
        self._connection: _Connection | None = None

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes, seconds: float) -> int:
        """The status of a whole answer within so many seconds.

        Raises OSError, TimeoutError among them, or h11.RemoteProtocolError; the next post connects anew.
        """
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(seconds):
                connection = await self._connected(parts)
                head = h11.Request(method="POST", target=_target(parts), headers=_headers(parts, headers, body))
                connection.say(head, h11.Data(data=body), h11.EndOfMessage())
                status = await connection.answer()
        except BaseException:
            self.close()
            raise
        if not connection.is_fit_for_more():
            self.close()
        return status

    def close(self) -> None:
        if self._connection is not None:
            self._connection.writer.close()
            self._connection = None

    async def _connected(self, parts: SplitResult) -> _Connection:
        place = (parts.scheme, parts.netloc)
        if self._connection is not None and (self._connection.place != place or self._connection.reader.at_eof()):
            self.close()
        if self._connection is None:
            secure = parts.scheme == "https"
            port = parts.port or (443 if secure else 80)
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure or None)
            self._connection = _Connection(place, reader, writer, h11.Connection(h11.CLIENT))
        return self._connection


@dataclass(slots=True)
class _Connection:
    place: tuple[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection

    def say(self, *events: h11.Event) -> None:
        self.writer.write(b"".join(self.http.send(event) or b"" for event in events))

    async def answer(self) -> int:
        status = 0
        while not isinstance(event := self.http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self.http.receive_data(await self.reader.read(CHUNK_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("closed without an answer")
        return status

    def is_fit_for_more(self) -> bool:
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        return True


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(parts: SplitResult, given: Sequence[tuple[str, str]], body: bytes) -> list[tuple[str, str]]:
    return [("Host", parts.netloc.rpartition("@")[2]), *given, ("Content-Length", str(len(body)))]
