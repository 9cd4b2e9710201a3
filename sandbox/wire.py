"""One client's connection: reads requests, and lets answers leave well or badly."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import responses
from urllib.parse import parse_qsl

import h11

from sandbox.answers import Answer, Exit

READ_SECONDS = 30.0
CHUNK_BYTES = 65_536
_NO_LINGER = struct.pack("ii", 1, 0)  # makes close() send RST


class TooLarge(Exception):
    """The body passed its limit; it was read to its end and dropped, so that an answer can still be heard."""


class Request:
    """The head of a request; headers are asked for in lower case."""

    def __init__(self, event: h11.Request) -> None:
        path, _, query = event.target.decode().partition("?")
        self.method = event.method.decode()
        self.path = path
        self.query: Mapping[str, str] = dict(parse_qsl(query))
        self._headers = event.headers

    def header(self, name: bytes) -> str:
        """Empty when it was not sent."""
        return next((value.decode("latin-1") for key, value in self._headers if key == name), "")


Handler = Callable[[Request, bytes], Answer]
"""Answers a request with this body, or raises Refused."""


class Wire:
    """A socket that speaks HTTP/1.1 as long as it is asked to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def request(self, idle_seconds: float) -> Request | None:
        """The next request, or None when this connection has none: the client left or stayed idle for too long."""
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

    async def body(self, most: int) -> bytes:
        """Raises TooLarge, TimeoutError when the client dawdles, ConnectionError when it leaves."""
        parts: list[bytes] = []
        size = 0
        async with asyncio.timeout(READ_SECONDS):
            while isinstance(event := await self._next_event(), h11.Data):
                size += len(event.data)
                if size <= most:
                    parts.append(bytes(event.data))
        if size > most:
            raise TooLarge
        return b"".join(parts)

    async def send(self, answer: Answer, leaves: Exit = "whole", pause: float = 0) -> bool:
        """True if the client was there for the whole of the answer; `pause` is in seconds between its bytes."""
        if leaves == "silence":
            await self._reader.read()
        elif leaves == "reset":
            self.reset()
        elif leaves in ("whole", "half"):
            head, body = self._rendered(answer)
            sent = head + (body if leaves == "whole" else body[: len(body) // 2])
            await self._write(sent, pause)
        if leaves != "whole":
            self.close()
            return False
        return not self._reader.at_eof()

    async def complain(self, answer: Answer) -> None:
        """To a client whose request could not be understood, if it can still be answered."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            with suppress(ConnectionError):
                await self.send(answer)

    def reset(self) -> None:
        """RST instead of FIN; what was read and written is forgotten."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()

    def close(self) -> None:
        self._writer.close()

    async def _next_event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                self._writer.write(self._http.send(go_on) or b"")
            self._http.receive_data(await self._reader.read(CHUNK_BYTES))
        return event

    def _rendered(self, answer: Answer) -> tuple[bytes, bytes]:
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            *answer.headers,
        ]
        reason = responses.get(answer.status, "")
        head = self._http.send(h11.Response(status_code=answer.status, headers=headers, reason=reason)) or b""
        body = self._http.send(h11.Data(data=answer.body)) or b""
        return head, body + (self._http.send(h11.EndOfMessage()) or b"")

    async def _write(self, data: bytes, pause: float) -> None:
        pieces = [data] if not pause else [data[place : place + 1] for place in range(len(data))]
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            if pause:
                await asyncio.sleep(pause)
