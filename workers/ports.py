"""Ports for the processes that `make up` starts."""

from __future__ import annotations

import atexit
import socket

_reserved: list[socket.socket] = []


def reserve_port(preferred: int) -> int:
    """Return the preferred TCP port of 127.0.0.1 if it is free, otherwise any free one.

    The process that will listen there starts later, so until this process ends it holds the UDP port of the same
    number: two `make up` that start together get different ports.
    """
    for wanted in (preferred, *[0] * 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                probe.bind(("127.0.0.1", wanted))
                port = int(probe.getsockname()[1])
                mark.bind(("127.0.0.1", port))
            except OSError:
                mark.close()
                continue
            _reserved.append(mark)
            return port
    raise OSError("no free port on 127.0.0.1")


@atexit.register
def _release() -> None:
    for mark in _reserved:
        mark.close()
