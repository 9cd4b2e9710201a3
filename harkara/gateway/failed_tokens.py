"""The delay of the answer to a wrong token, by the address that it comes from."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harkara.gateway.addresses import network_of

FREE = 5
"""Wrong tokens of an address that are answered at once, because a token may have been copied badly."""

FIRST_SECONDS = 0.25
LONGEST_SECONDS = 10.0

FORGET_SECONDS = 300.0
"""After so long without a wrong token, an address has its free ones again."""

MAX_WAITING = 16
"""Wrong tokens of one address that wait at the same time; further ones are refused without waiting."""

MAX_ADDRESSES = 10_000


@dataclass(slots=True)
class _Record:
    wrong: int = 0
    waiting: int = 0
    last: float = 0.0


class FailedTokens:
    """Counts wrong tokens by address, in the memory of this process. Only the event loop uses it.

    It never delays a right token, so that an application behind the same address is not affected.
    """

    def __init__(self) -> None:
        self._records: OrderedDict[str, _Record] = OrderedDict()

    @contextmanager
    def count(self, address: str) -> Iterator[float | None]:
        """Count a wrong token; yield the seconds until its answer, or None if too many of the address wait already."""
        record = self._record(network_of(address))
        if record.waiting >= MAX_WAITING:
            yield None
            return
        record.waiting += 1
        try:
            yield _delay(record.wrong - FREE)
        finally:
            record.waiting -= 1

    def _record(self, network: str) -> _Record:
        """Return the record of the network with this wrong token counted; the oldest of too many is dropped."""
        now = time.monotonic()
        record = self._records.pop(network, None)
        if record is None or (now - record.last > FORGET_SECONDS and not record.waiting):
            record = _Record()
        self._records[network] = record
        record.wrong, record.last = record.wrong + 1, now
        if len(self._records) > MAX_ADDRESSES:
            self._records.popitem(last=False)
        return record


def _delay(excess: int) -> float:
    return 0.0 if excess <= 0 else min(FIRST_SECONDS * 2.0 ** min(excess - 1, 20), LONGEST_SECONDS)
