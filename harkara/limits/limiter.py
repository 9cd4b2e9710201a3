"""The limiter: books the moment at which each message may go out, exactly, across all processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis

from harkara.limits.allowance import MAX_GUARD, Allowance, with_margin
from harkara.limits.clock import MAX_UNCERTAINTY, ServerClock
from harkara.limits.script import Call, SlotScript
from harkara.limits.slots import Slot, SlotRequest
from harkara.outcomes import Wait

HORIZON: Final = 2.0
"""Seconds. No slot is reserved further ahead, so a pause, a cancel or an urgent message takes effect at once.

A caller whose claims last less than a few horizons needs a shorter one, or its claims expire before their slots.
"""

LATE_SHARE: Final = 0.4
"""The share of the margin by which a thread may wake late: 8 ms in a window of up to two seconds."""

MIN_TRAVEL: Final = 1e-3
"""Seconds. The shortest round trip that is believed: the server has to read the request, too."""

REFUSED_SECONDS: Final = 3600.0
"""How long after a 429 the guard of a lane is the largest: what was measured before it did not suffice."""

CLOCK_READS: Final = 3
"""The most extra reads of the server's clock after an answer that left it uncertain."""

PAIR_PACE: Final = 6.0
PAIR_BURST: Final = 45
"""WhatsApp allows one message in 6 s to one user, and bursts of up to 45 that are borrowed from the future
(Meta, "About the WhatsApp Business Platform", pair rate limits; code 131056 beyond)."""

_UNSEEDED: Final = -1
_LIMITS: Final = {
    1: ("lane-limit", "The lane's allowance is used up until then."),
    2: ("pair-limit", "WhatsApp limits the messages to one person; the next one to this person may go then."),
}

Seed = Callable[[str, int], Sequence[float]]
"""Called with a lane, and the number of messages being booked, when Redis has lost the lane's slots.

Returns the ages in seconds of the slots that the ledger has recorded, without those messages. A negative age is a
message that may still go out until that many seconds from now.
"""


class LaneRequests(NamedTuple):
    """The requests of a lane; its allowance is None without a limit."""

    lane: str
    allowance: Allowance | None
    requests: Sequence[SlotRequest]


class Limiter:
    """Books slots with one Lua script on Redis' own clock, so that no window of a lane exceeds its allowance.

    A booking of up to 50 lanes is one EVALSHA. `connection` needs socket timeouts and no retries: redis-py repeats a
    call ten times by default. Every method raises Unavailable when Redis does not answer; then nothing may be sent.
    `round_trip` returns the seconds of one to the server that counts the requests, None while it is not known.
    """

    def __init__(
        self,
        connection: redis.Redis,
        seed: Seed,
        *,
        horizon: float = HORIZON,
        round_trip: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._redis = connection
        self._script = SlotScript(connection)
        self._seed = seed
        self._horizon = horizon
        self._round_trip = round_trip
        self._clock = ServerClock()

    def book(self, lane: str, allowance: Allowance | None, requests: Sequence[SlotRequest]) -> list[Slot | Wait]:
        """Reserve a slot within the horizon for each request, in their order, or return how long it has to wait.

        A request of weight 2 or more that finds no slot is promised one beyond the horizon. Its Wait ends when that
        slot can be booked.
        """
        return self.book_each([LaneRequests(lane, allowance, requests)])[0]

    def book_each(self, wanted: Sequence[LaneRequests]) -> list[list[Slot | Wait]]:
        """Do the same for several lanes in one round trip; return the slots of each."""
        calls = {place: self._call(each) for place, each in enumerate(wanted) if _has_limit(each)}
        found = dict(zip(calls, self._run(list(calls.values())), strict=True))
        unseeded = [place for place, answer in found.items() if answer == _UNSEEDED]
        for place in unseeded:
            lane, _, requests = wanted[place]
            calls[place][1].update(self._seed_plan(lane, sum(request.weight for request in requests)))
        found |= zip(unseeded, self._run([calls[place] for place in unseeded]), strict=True)
        if found:
            self._read_clock()
        return [
            self._booked(found[place], each.allowance)
            if place in found
            else [Slot(time.monotonic(), math.inf) for _ in each.requests]
            for place, each in enumerate(wanted)
        ]

    def capacity(self, lanes: Mapping[str, Allowance]) -> dict[str, tuple[int, int]]:
        """Return how many single messages of each lane can be booked within the horizon: (urgent, marketing).

        Each number assumes that the other class books nothing. Reserves nothing.
        """
        calls = {lane: ([_lane_key(lane)], self._plan(allowance)) for lane, allowance in lanes.items()}
        found = dict(zip(calls, self._script.run(list(calls.values())), strict=True))
        unseeded = {lane: calls[lane] for lane, answer in found.items() if answer == _UNSEEDED}
        for lane, (_, plan) in unseeded.items():
            plan.update(self._seed_plan(lane, 0))
        found |= zip(unseeded, self._script.run(list(unseeded.values())), strict=True)
        return {lane: (urgent, marketing) for lane, (urgent, marketing) in found.items()}

    def slow(self, lane: str, seconds: float) -> None:
        """Hold a lane for `seconds` after an HTTP 429, then book at half the pace.

        A tenth of the full pace returns with every window. A 429 to a request that was under way when the hold began
        only extends the hold.
        """
        plan = {"slow": max(0.0, seconds), "guard": MAX_GUARD, "guarded": REFUSED_SECONDS}
        self._script.run([([_lane_key(lane)], {name: _microseconds(value) for name, value in plan.items()})])

    def _plan(self, allowance: Allowance | None) -> dict[str, Any]:
        pair = {"pair_pace": _microseconds(PAIR_PACE), "pair_burst": PAIR_BURST}
        if allowance is None:
            return pair
        return pair | {
            "count": allowance.count,
            "window": _microseconds(allowance.window),
            "burst": allowance.burst,
            "gap": _microseconds(allowance.gap),
            "guard": _microseconds(guard_for(self._round_trip())),
            "reserved": allowance.reserved,
            "horizon": _microseconds(self._horizon),
        }

    def _seed_plan(self, lane: str, booking: int) -> dict[str, Any]:
        """Return what seeds a lane. Which workers sent in these slots is not known, so its guard is the largest."""
        return {"seed": list(self._seed(lane, booking)), "guard": _microseconds(MAX_GUARD)}

    def _call(self, wanted: LaneRequests) -> Call:
        lane, allowance, requests = wanted
        pairs = sorted({request.pair for request in requests if request.pair is not None})
        places: dict[str | None, int] = {None: 0} | {pair: place for place, pair in enumerate(pairs, start=2)}
        plan = self._plan(allowance) | {"requests": [_request(each, places[each.pair]) for each in requests]}
        return [_lane_key(lane), *(f"harkara:pair:{lane}:{pair}" for pair in pairs)], plan

    def _run(self, calls: Sequence[Call]) -> list[Any]:
        """Return the answers, and note the server's times in them."""
        requested_at = time.monotonic()
        answers = self._script.run(calls)
        answered_at = time.monotonic()
        for now in {answer[0] for answer in answers if answer != _UNSEEDED}:
            self._clock.observe(now / 1e6, requested_at, answered_at)
        return answers

    def _booked(self, answer: list[int], allowance: Allowance | None) -> list[Slot | Wait]:
        lateness = _allowed_lateness(allowance)
        outcomes: list[Slot | Wait] = []
        now, *booked = answer
        for kind, microseconds in zip(booked[::2], booked[1::2], strict=True):
            if kind in _LIMITS:
                code, reason = _LIMITS[kind]
                outcomes.append(Wait(microseconds / 1e6, code, reason))
            else:
                place = now + microseconds
                earliest, latest = self._clock.local(place / 1e6)
                outcomes.append(Slot(latest, earliest + lateness, place))
        return outcomes

    def _read_clock(self) -> None:
        for _ in range(CLOCK_READS):
            if not self._clock.uncertain:
                return
            requested_at = time.monotonic()
            try:
                seconds, microseconds = self._redis.time()
            except redis.RedisError:
                return  # the bounds are wide, but correct
            self._clock.observe(seconds + microseconds / 1e6, requested_at, time.monotonic())


def guard_for(round_trip: float | None) -> float:
    """Return the guard in seconds for a round trip: a thread may be late, and one request travel longer than another.

    Requests of one process differ by less than a round trip, except when the network or the server is overloaded.
    """
    if round_trip is None:
        return MAX_GUARD
    return min(LATE_SHARE * MAX_GUARD + MAX_UNCERTAINTY + max(round_trip, MIN_TRAVEL), MAX_GUARD)


def _has_limit(wanted: LaneRequests) -> bool:
    return bool(wanted.requests) and (
        wanted.allowance is not None or any(each.pair is not None for each in wanted.requests)
    )


def _lane_key(lane: str) -> str:
    return f"harkara:slots:{lane}"


def _request(request: SlotRequest, pair: int) -> dict[str, Any]:
    """`pair` is the place of the pair's key among the keys of the call, 0 for none."""
    fields = {"urgent": request.urgent, "weight": max(1, request.weight), "pair": pair}
    return fields | ({"given_up": request.given_up.place} if request.given_up else {})


def _allowed_lateness(allowance: Allowance | None) -> float:
    if allowance is None:
        return math.inf
    shortest = min(allowance.window, allowance.gap or math.inf)
    return LATE_SHARE * (with_margin(shortest) - shortest)


def _microseconds(seconds: float) -> int:
    return math.ceil(seconds * 1e6)
