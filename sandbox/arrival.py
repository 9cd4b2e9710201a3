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

SO_TIMESTAMPNS = 35
"""Linux, socket(7): the kernel adds the time of arrival, in CLOCK_REALTIME, to what `recvmsg` returns."""

_TIMESPEC = struct.Struct("@qq")


class TimedSocket(socket.socket):
    """A connection; `waited` is the seconds that its latest bytes lay in the kernel, 0 where that is unknown."""

    waited = 0.0

    def recv(self, size: int, flags: int = 0) -> bytes:
        data, ancillary, _, _ = self.recvmsg(size, socket.CMSG_SPACE(_TIMESPEC.size), flags)
        self.waited = _waited(ancillary)
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

    def waited(self, writer: asyncio.StreamWriter) -> float:
        """Return the seconds that the latest bytes of this connection lay in the kernel."""
        connection = self._connections.get(writer.get_extra_info("socket").fileno())
        return connection.waited if connection else 0.0


def _waited(ancillary: Iterable[tuple[int, int, bytes]]) -> float:
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = map(float, _TIMESPEC.unpack(value))
            return max(0.0, time.time() - seconds - nanoseconds / 1e9)
    return 0.0
