"""The limiter: books each message the moment at which it may go out, exactly, for all processes together."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final

import redis
from redis.exceptions import NoScriptError

from harkara.errors import Unavailable
from harkara.limits.allowance import Allowance, guarded
from harkara.limits.clock import ServerClock
from harkara.outcomes import Wait

HORIZON: Final = 2.0
"""Seconds: nothing is reserved further ahead, so a pause, a cancel or an urgent message works at once.

Who holds claims for less than a few of them needs a shorter one, or his claims run out before their slots come.
"""

LATE: Final = 0.4
"""Of the guard, the part that a thread may wake late: 8 ms in a window of up to two seconds."""

LOOKS: Final = 3
"""Questions for the server's time alone, where the answer to a long booking left it vague."""

PAIR_PACE: Final = 6.0
PAIR_BURST: Final = 45
"""WhatsApp lets one message in 6 s pass to one user, in bursts of up to 45 that are borrowed from the future
(Meta, "About the WhatsApp Business Platform", pair rate limits; code 131056 beyond)."""

_SCRIPT: Final = files("harkara.limits").joinpath("slots.lua").read_text("utf-8")
_SHA: Final = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_UNSEEDED: Final = -1
_LIMITS: Final = {
    1: ("lane-limit", "The lane's allowance is used up until then."),
    2: ("pair-limit", "WhatsApp limits how often one person may be written to; this person's turn comes then."),
}

Seed = Callable[[str, int], Sequence[float]]
"""Asked when Redis lost its memory: the ages in seconds of a lane's slots that the ledger knows of, without the given
number of messages that are just being booked. One below zero may still go out until that many seconds from now."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Send at `at`, not after `by`: both are `time.monotonic()` of this process. `place` is its name in the lane."""

    at: float
    by: float
    place: int = 0

    def late(self) -> bool:
        """Whether the slot was slept through: give it up for another, or a later window may get too full."""
        return time.monotonic() > self.by


@dataclass(frozen=True, slots=True)
class Ask:
    """One call to be made: `pair` is an opaque digest of the recipient, `weight` the messages in the call.

    What is not `urgent` (marketing) may not use the part of the allowance that is kept. A slot that was slept through
    is `given_up` for this one: its place is free again, so nothing may have been sent in it, nor be from now on.
    """

    pair: str | None
    urgent: bool
    weight: int = 1
    given_up: Slot | None = None


class Limiter:
    """Sees to it that no window of a lane ever holds more than its allowance, whoever sends.

    One call is one EVALSHA. `connection` should have socket timeouts and no retries: redis-py would repeat a booking
    ten times. Every method raises Unavailable when Redis cannot be asked; nothing may be sent then.
    """

    def __init__(self, connection: redis.Redis, seed: Seed, *, horizon: float = HORIZON) -> None:
        self._redis = connection
        self._seed = seed
        self._horizon = horizon
        self._clock = ServerClock()

    def book(self, lane: str, allowance: Allowance | None, asks: Sequence[Ask]) -> list[Slot | Wait]:
        """Reserves a slot for each ask, in their order, or tells how long it has to wait.

        A slot lies within the horizon. A heavy ask that finds none there is promised one further ahead, and is told
        when to come back for it.
        """
        pairs = sorted({ask.pair for ask in asks if ask.pair is not None})
        if not asks or (allowance is None and not pairs):
            return [Slot(time.monotonic(), math.inf) for _ in asks]
        keys = [_lane_key(lane), *(f"harkara:pair:{lane}:{pair}" for pair in pairs)]
        places: dict[str | None, int] = {None: 0} | {pair: place for place, pair in enumerate(pairs, start=2)}
        plan = self._plan(allowance) | {"asks": [_wish(ask, places[ask.pair]) for ask in asks]}
        asked = time.monotonic()
        answer = self._call([(keys, plan)])[0]
        if answer == _UNSEEDED:
            plan["seed"] = list(self._seed(lane, sum(ask.weight for ask in asks)))
            asked = time.monotonic()
            answer = self._call([(keys, plan)])[0]
        return self._read(answer, allowance, asked, time.monotonic())

    def room(self, lanes: Mapping[str, Allowance]) -> dict[str, tuple[int, int]]:
        """How many single messages of each lane could be booked within the horizon: (urgent, marketing).

        The two share the lane: they are what either could have alone. Reserves nothing.
        """
        calls = {lane: ([_lane_key(lane)], self._plan(allowance)) for lane, allowance in lanes.items()}
        rooms = dict(zip(calls, self._call(list(calls.values())), strict=True))
        lost = {lane: calls[lane] for lane, answer in rooms.items() if answer == _UNSEEDED}
        for lane, (_, plan) in lost.items():
            plan["seed"] = list(self._seed(lane, 0))
        rooms |= zip(lost, self._call(list(lost.values())), strict=True)
        return {lane: (urgent, marketing) for lane, (urgent, marketing) in rooms.items()}

    def slow(self, lane: str, seconds: float) -> None:
        """After HTTP 429: nothing before `seconds` from now, then half the pace, of which a tenth of the whole returns
        with every window. Answers to what was under way when it began only make the hold longer.
        """
        self._call([([_lane_key(lane)], {"slow": _microseconds(max(0.0, seconds))})])

    def _plan(self, allowance: Allowance | None) -> dict[str, Any]:
        pair = {"pair_pace": _microseconds(PAIR_PACE), "pair_burst": PAIR_BURST}
        if allowance is None:
            return pair
        return pair | {
            "count": allowance.count,
            "window": _microseconds(guarded(allowance.window)),
            "burst": allowance.burst,
            "gap": _microseconds(guarded(allowance.gap) if allowance.gap else 0.0),
            "kept": allowance.kept,
            "horizon": _microseconds(self._horizon),
        }

    def _read(self, answer: list[int], allowance: Allowance | None, asked: float, answered: float) -> list[Slot | Wait]:
        late = _lateness(allowance)
        outcomes: list[Slot | Wait] = []
        now, *booked = answer
        self._clock.saw(now / 1e6, asked, answered)
        self._look_at_clock()
        for kind, microseconds in zip(booked[::2], booked[1::2], strict=True):
            if kind in _LIMITS:
                code, reason = _LIMITS[kind]
                outcomes.append(Wait(microseconds / 1e6, code, reason))
            else:
                place = now + microseconds
                earliest, latest = self._clock.here(place / 1e6)
                outcomes.append(Slot(latest, earliest + late, place))
        return outcomes

    def _look_at_clock(self) -> None:
        for _ in range(LOOKS):
            if not self._clock.vague:
                return
            asked = time.monotonic()
            try:
                seconds, microseconds = self._redis.time()
            except redis.RedisError:
                return  # what is known will do
            self._clock.saw(seconds + microseconds / 1e6, asked, time.monotonic())

    def _call(self, calls: Sequence[tuple[list[str], dict[str, Any]]]) -> list[Any]:
        """Runs the script for each, in one round trip; loads it first where the server does not have it."""
        if not calls:
            return []
        try:
            answers = self._round_trip(calls)
            if any(isinstance(answer, NoScriptError) for answer in answers):
                self._redis.script_load(_SCRIPT)
                answers = self._round_trip(calls)
        except redis.RedisError as error:
            raise _unavailable(error) from error
        for answer in answers:
            if isinstance(answer, redis.RedisError):
                raise _unavailable(answer) from answer
        return answers

    def _round_trip(self, calls: Sequence[tuple[list[str], dict[str, Any]]]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for keys, plan in calls:
            pipe.evalsha(_SHA, len(keys), *keys, json.dumps(plan, separators=(",", ":")))
        return pipe.execute(raise_on_error=False)


def _lane_key(lane: str) -> str:
    return f"harkara:slots:{lane}"


def _wish(ask: Ask, pair: int) -> dict[str, Any]:
    wish = {"urgent": ask.urgent, "weight": max(1, ask.weight), "pair": pair}
    return wish | ({"given_up": ask.given_up.place} if ask.given_up else {})


def _lateness(allowance: Allowance | None) -> float:
    if allowance is None:
        return math.inf
    shortest = min(allowance.window, allowance.gap or math.inf)
    return LATE * (guarded(shortest) - shortest)


def _microseconds(seconds: float) -> int:
    return math.ceil(seconds * 1e6)


def _unavailable(error: redis.RedisError) -> Unavailable:
    return Unavailable(
        f"Redis cannot be asked for slots ({type(error).__name__}): nothing is sent until it answers, "
        "and nothing is lost; see that it runs and has memory"
    )
