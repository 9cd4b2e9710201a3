"""Close a connection whose client does not send a whole request in time."""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_INCOMPLETE = (h11.IDLE, h11.SEND_BODY)
"""States of a client that has not sent a whole request; h11 is in IDLE until the headers are complete."""


class TimedProtocol(H11Protocol):
    """uvicorn's protocol, with a limit on the time from a connection, or a request's first byte, to the request's end.

    uvicorn limits only the time between two requests: a client that sends nothing, or one byte now and then, would keep
    its connection for ever. The response to a complete request may take as long as it needs.
    """

    request_seconds: ClassVar[float]
    _request_timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state not in _INCOMPLETE:
            self._stop_timer()
        elif self._request_timer is None:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._request_timer = self.loop.call_later(self.request_seconds, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None


def timed_protocol(seconds: float) -> type[TimedProtocol]:
    """Return the protocol with this limit."""
    return type("TimedProtocol", (TimedProtocol,), {"request_seconds": seconds})
