"""Passes packets between two devices, late and not all of them.

`python -m harness.slow_link NEAR FAR DELAY LOSS DELAY LOSS`: seconds and shares, from NEAR to FAR and back.
It ends with the process that started it.
"""

from __future__ import annotations

import os
import random
import select
import socket
import sys
import time
from collections import deque
from contextlib import suppress

ALL_PROTOCOLS = 0x0003
"""ETH_P_ALL (linux/if_ether.h)."""

LARGEST_PACKET = 65_550


class Direction:
    """Packets from one device on their way to another."""

    def __init__(self, source: socket.socket, target: socket.socket, delay: float, loss: float) -> None:
        self.source = source
        self._target = target
        self._delay = delay
        self._loss = loss
        self._waiting: deque[tuple[float, bytes]] = deque()

    def receive(self) -> None:
        packet, address = self.source.recvfrom(LARGEST_PACKET)
        if address[2] != socket.PACKET_OUTGOING and random.random() >= self._loss:
            self._waiting.append((time.monotonic() + self._delay, packet))

    def send_due(self) -> float | None:
        """Send the packets that are due; return the seconds until the next is, None if there is none."""
        while self._waiting and (left := self._waiting[0][0] - time.monotonic()) <= 0:
            with suppress(OSError):  # the device is down, or its queue is full
                self._target.send(self._waiting[0][1])
            self._waiting.popleft()
        return max(0.0, left) if self._waiting else None


def device(name: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    opened.bind((name, ALL_PROTOCOLS))
    return opened


def main() -> None:
    parent = os.getppid()
    near, far = device(sys.argv[1]), device(sys.argv[2])
    delays = [float(word) for word in sys.argv[3:]]
    directions = {near: Direction(near, far, *delays[:2]), far: Direction(far, near, *delays[2:])}
    while os.getppid() == parent:
        waits = [wait for each in directions.values() if (wait := each.send_due()) is not None]
        for ready in select.select(list(directions), [], [], min(waits, default=1.0))[0]:
            directions[ready].receive()


if __name__ == "__main__":
    main()
