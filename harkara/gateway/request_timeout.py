"""Close a connection whose client does not send a whole request in time, or sends endless headers."""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from typing import ClassVar

from harkara.gateway.ignored_upgrade import UpgradeIgnoringProtocol

MAX_HEAD_BYTES = 64 * 1024
"""Bytes of a request besides its body: the headers, and the sizes of chunks."""

BYTES_IN_TIME = 1024 * 1024
"""Bytes of a body that a client must send in the time of a request. Only an upload may have more."""


class TimedProtocol(UpgradeIgnoringProtocol):
    """uvicorn's protocol, with a limit on the time from a connection, or a request's first byte, to the request's end.

    uvicorn limits only the time between two requests: a client that sends nothing, or one byte now and then, would keep
    its connection for ever. Each megabyte of a body gives the client the same time once more. The response to a
    complete request may take as long as it needs.

    The parser of `httptools` takes a third of the CPU of h11. Unlike h11 it has no limit for headers, so this has one.
    """

    request_seconds: ClassVar[float]
    _request_timer: TimerHandle | None = None
    _head_bytes = 0
    _body_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        if self._request_timer is None:
            self._start_timer()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The headers are too large.")

    def on_body(self, body: bytes) -> None:
        self._head_bytes -= len(body)
        self._body_bytes += len(body)
        if self._body_bytes >= BYTES_IN_TIME:
            self._body_bytes = 0
            self._restart_timer()
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # its body is still to come
        self._head_bytes = self._body_bytes = 0
        self._stop_timer()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _restart_timer(self) -> None:
        self._stop_timer()
        self._start_timer()

    def _start_timer(self) -> None:
        self._request_timer = self.loop.call_later(self.request_seconds, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None


def timed_protocol(seconds: float) -> type[TimedProtocol]:
    """Return the protocol with this limit."""
    return type("TimedProtocol", (TimedProtocol,), {"request_seconds": seconds})
