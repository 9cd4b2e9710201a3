"""The slots of a chunk's messages, booked with one call of the limiter for all lanes."""

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
from harkara.limits.limiter import LaneRequests, Limiter
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
        groups = groupby(sorted(passed, key=_lane), key=_lane)
        chunks = [(self._lanes[name], sorted(group, key=_urgency)) for name, group in groups]
        wanted = [
            LaneRequests(lane.name, lane.allowance, [_request(lane, one.message) for one in chunk])
            for lane, chunk in chunks
        ]
        for (_, chunk), slots in zip(chunks, self._slots(wanted), strict=True):
            yield from zip(chunk, slots, strict=True)

    def exchange(self, message: Claimed, missed: Slot) -> Slot | Wait:
        """Return a missed slot for a new one."""
        # The message was counted for its recipient when it got the slot that it returns.
        request = SlotRequest(None, message.category != MARKETING, message.weight, missed)
        lane = self._lanes[message.lane]
        return self._slots([LaneRequests(lane.name, lane.allowance, [request])])[0][0]

    def slow(self, lane: Lane, seconds: float) -> None:
        """Hold the lane for `seconds`, then halve its pace."""
        try:
            self._limiter.slow(lane.name, seconds)
        except Unavailable:
            log.warning("lane not slowed", action="slow_failed", lane=lane.name)

    def _slots(self, wanted: Sequence[LaneRequests]) -> Sequence[Sequence[Slot | Wait]]:
        try:
            return self._limiter.book_each(wanted)
        except Unavailable as error:
            wait = Wait(1.0, "limiter-unavailable", f"{error}.")
            return [[wait] * len(each.requests) for each in wanted]


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
