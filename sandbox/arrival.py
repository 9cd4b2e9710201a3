"""Sockets that say when the kernel received a request.

On a busy host the process may have to wait for the CPU. What it then reads has arrived before, and an account's rate
limit counts arrivals.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterable
from contextlib import suppress
from weakref import WeakValueDictionary

from sandbox.history import now

SO_TIMESTAMPNS = 35
"""Linux, socket(7): the kernel adds the time of arrival, in CLOCK_REALTIME, to what `recvmsg` returns."""

_TIMESPEC = struct.Struct("@qq")


class TimedSocket(socket.socket):
    """A connection; its latest bytes came at `received_at`, in seconds as `now` counts them."""

    received_at = 0.0

    def recv(self, size: int, flags: int = 0) -> bytes:
        data, ancillary, _, _ = self.recvmsg(size, socket.CMSG_SPACE(_TIMESPEC.size), flags)
        self.received_at = _arrival(ancillary)
        return data


class TimedListener(socket.socket):
    """A listening socket; its connections inherit the option, so they know the arrival of their first bytes too."""

    def __init__(self, host: str, port: int) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        super().__init__(family, kind, protocol)
        self._connections: WeakValueDictionary[int, TimedSocket] = WeakValueDictionary()
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # another system: a request then counts from when it is read
            self.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.bind(address)

    def accept(self) -> tuple[TimedSocket, object]:
        plain, address = super().accept()
        connection = TimedSocket(fileno=plain.detach())
        self._connections[connection.fileno()] = connection
        return connection, address

    def received_at(self, writer: asyncio.StreamWriter) -> float:
        """Return when the latest bytes of this connection arrived."""
        connection = self._connections.get(writer.get_extra_info("socket").fileno())
        return connection.received_at if connection else now()


def _arrival(ancillary: Iterable[tuple[int, int, bytes]]) -> float:
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = map(float, _TIMESPEC.unpack(value))
            return now() - time.time() + seconds + nanoseconds / 1e9  # the system may have set its clock
    return now()
