"""One client connection: reads requests, and sends responses completely or with a fault."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import responses
from urllib.parse import parse_qsl

import h11

from sandbox.responses import Response, ResponseMode

READ_SECONDS = 30.0
CHUNK_BYTES = 65_536
_NO_LINGER = struct.pack("ii", 1, 0)  # makes close() send RST


class BodyTooLarge(Exception):
    """The body exceeds its limit. It was read to its end and dropped, so the client can still read a response."""


class Request:
    """The head of a request; header names are in lower case."""

    def __init__(self, event: h11.Request) -> None:
        path, _, query = event.target.decode().partition("?")
        self.method = event.method.decode()
        self.path = path
        self.query: Mapping[str, str] = dict(parse_qsl(query))
        self._headers = event.headers

    def header(self, name: bytes) -> str:
        """Return the value, empty when the header is missing."""
        return next((value.decode("latin-1") for key, value in self._headers if key == name), "")


Handler = Callable[[Request, bytes], Response]
"""Responds to a request with this body, or raises RequestRefused."""


class Connection:
    """An HTTP/1.1 server connection with keep-alive; `received_at` returns when its latest bytes arrived."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received_at: Callable[[], float]
    ) -> None:
        self.received_at = received_at
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def read_request(self, idle_seconds: float) -> Request | None:
        """Return the next request, or None when the client left or was idle for `idle_seconds`."""
        if self._writer.is_closing():
            return None
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        if self._http.our_state is not h11.IDLE:
            return None
        try:
            async with asyncio.timeout(idle_seconds):
                event = await self._next_event()
        except TimeoutError:
            return None
        return Request(event) if isinstance(event, h11.Request) else None

    async def read_body(self, max_bytes: int) -> bytes:
        """Raises BodyTooLarge, TimeoutError when the client is too slow, ConnectionError when it leaves."""
        parts: list[bytes] = []
        size = 0
        async with asyncio.timeout(READ_SECONDS):
            while isinstance(event := await self._next_event(), h11.Data):
                size += len(event.data)
                if size <= max_bytes:
                    parts.append(bytes(event.data))
        if size > max_bytes:
            raise BodyTooLarge
        return b"".join(parts)

    async def send_response(self, response: Response, mode: ResponseMode = "complete", pause: float = 0) -> bool:
        """Return True if the client was connected until the end; `pause` is in seconds between two bytes."""
        if mode == "silence":
            await self._reader.read()
        elif mode == "reset":
            self.reset()
        elif mode in ("complete", "half"):
            head, body = self._encode(response)
            sent = head + (body if mode == "complete" else body[: len(body) // 2])
            await self._write(sent, pause)
        if mode != "complete":
            self.close()
            return False
        return not self._reader.at_eof()

    async def send_error(self, response: Response) -> None:
        """Respond to a request that could not be parsed, if HTTP still permits a response."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            with suppress(ConnectionError):
                await self.send_response(response)

    def reset(self) -> None:
        """Send RST instead of FIN, and drop everything that is buffered."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()

    def close(self) -> None:
        self._writer.close()

    async def _next_event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                proceed = h11.InformationalResponse(status_code=100, headers=[])
                self._writer.write(self._http.send(proceed) or b"")
            self._http.receive_data(await self._reader.read(CHUNK_BYTES))
        return event

    def _encode(self, response: Response) -> tuple[bytes, bytes]:
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            *response.headers,
        ]
        reason = responses.get(response.status, "")
        head = self._http.send(h11.Response(status_code=response.status, headers=headers, reason=reason)) or b""
        body = self._http.send(h11.Data(data=response.body)) or b""
        return head, body + (self._http.send(h11.EndOfMessage()) or b"")

    async def _write(self, data: bytes, pause: float) -> None:
        pieces = [data] if not pause else [data[place : place + 1] for place in range(len(data))]
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            if pause:
                await asyncio.sleep(pause)
