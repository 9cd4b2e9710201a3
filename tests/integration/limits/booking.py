"""What the limiter tests share: requests, a connection, and readings of what was booked."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harkara.limits import Slot, SlotRequest
from harkara.outcomes import Wait

URGENT = SlotRequest(None, urgent=True)
MARKETING = SlotRequest(None, urgent=False)


def connect(url: str, timeout: float = 1.0) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
    )


def no_seed(lane: str, booking: int) -> list[float]:
    """Seed a lane as a ledger without attempts does."""
    return []


def granted(booked: Sequence[Slot | Wait]) -> list[Slot]:
    """Return the slots; every request must have one."""
    slots = [each for each in booked if isinstance(each, Slot)]
    assert len(slots) == len(booked), booked
    return slots


def stored_slots(client: redis.Redis, lane: str) -> list[int]:
    """Return the slots that the server stores, in microseconds of its clock."""
    script = "return cmsgpack.unpack(redis.call('HGET', KEYS[1], 'log'))"
    return list(client.eval(script, 1, f"harkara:slots:{lane}"))


def fullest_window(moments: Sequence[float], window: float) -> int:
    """Return the most moments that any window contains."""
    moments = sorted(moments)
    return max(bisect.bisect_left(moments, at + window) - place for place, at in enumerate(moments))
