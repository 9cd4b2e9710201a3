"""The slots of a chunk's messages, booked with one call of the limiter for each lane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple

import structlog

from harkara.errors import Unavailable
from harkara.inbound.window import WindowState
from harkara.lanes import Lane
from harkara.ledger.messages.claim import Claimed
from harkara.limits import Slot, SlotRequest
from harkara.limits.limiter import Limiter
from harkara.outcomes import Wait
from harkara.people.spellings import canonical

log = structlog.get_logger(__name__)

MARKETING = "marketing"


class Passed(NamedTuple):
    """A message that passed the gates, and its recipient's window."""

    message: Claimed
    window: WindowState


class Booked(NamedTuple):
    """A message that may be sent in its slot."""

    message: Claimed
    window: WindowState
    slot: Slot


class Booking:
    """Books slots. While Redis is unavailable every message waits, so that the limit holds."""

    def __init__(self, limiter: Limiter, lanes: Mapping[str, Lane]) -> None:
        self._limiter = limiter
        self._lanes = lanes

    def book(self, passed: Sequence[Passed]) -> Iterator[tuple[Passed, Slot | Wait]]:
        """Yield each message with its slot, or with its wait when the lane has no slot within the horizon."""
        for name, group in groupby(sorted(passed, key=_lane), key=_lane):
            chunk = sorted(group, key=_urgency)
            lane = self._lanes[name]
            requests = [_request(lane, one.message) for one in chunk]
            yield from zip(chunk, self._slots(lane, requests), strict=True)

    def exchange(self, message: Claimed, missed: Slot) -> Slot | Wait:
        """Return a missed slot for a new one."""
        # The message was counted for its recipient when it got the slot that it returns.
        request = SlotRequest(None, message.category != MARKETING, message.weight, missed)
        return self._slots(self._lanes[message.lane], [request])[0]

    def slow(self, lane: Lane, seconds: float) -> None:
        """Hold the lane for `seconds`, then halve its pace."""
        try:
            self._limiter.slow(lane.name, seconds)
        except Unavailable:
            log.warning("lane not slowed", action="slow_failed", lane=lane.name)

    def _slots(self, lane: Lane, requests: Sequence[SlotRequest]) -> Sequence[Slot | Wait]:
        try:
            return self._limiter.book(lane.name, lane.allowance, requests)
        except Unavailable as error:
            return [Wait(1.0, "limiter-unavailable", f"{error}.")] * len(requests)


def _lane(passed: Passed) -> str:
    return passed.message.lane


def _urgency(passed: Passed) -> tuple[int, object, str]:
    message = passed.message
    return message.priority, message.expires_at, message.id


def _request(lane: Lane, message: Claimed) -> SlotRequest:
    return SlotRequest(_pair(lane, message.recipient), message.category != MARKETING, message.weight)


def _pair(lane: Lane, recipient: str) -> str:
    """Identify a recipient in Redis by a keyed digest, which does not reveal the phone number."""
    return blake2b(canonical(recipient).encode(), key=lane.token.encode()[:64], digest_size=12).hexdigest()
