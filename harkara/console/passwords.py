"""Passwords: their rule, their hashes, and the limit on wrong ones."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from functools import cached_property
from threading import BoundedSemaphore, Lock

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from harkara.errors import Invalid

SHORTEST, LONGEST = 10, 256

MOST_WRONG = 5
WINDOW_SECONDS = 60.0
"""After MOST_WRONG wrong passwords of a name or from an address within so long, further ones are refused."""

MAX_KEYS = 10_000

MOST_CHECKED = 4
"""Passwords that are checked at the same time: each check takes 64 MiB of memory."""


class Passwords:
    """Hashes and checks passwords by Argon2id, with the parameters of RFC 9106 for little memory by default."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = BoundedSemaphore(MOST_CHECKED)

    def hash(self, password: str) -> str:
        """Return the hash of a new password. Raises Invalid for one that is too short or too long."""
        if len(password) < SHORTEST:
            raise Invalid("password", "must have at least 10 characters")
        if len(password) > LONGEST:
            raise Invalid("password", "may have at most 256 characters")
        with self._slots:
            return self._hasher.hash(password)

    def check(self, password: str, known: str | None) -> bool:
        """Return whether the password has this hash. Without a hash it takes as long, so the time reveals no name."""
        if len(password) > LONGEST:
            return False
        try:
            with self._slots:
                self._hasher.verify(known or self._unknown, password)
        except (Argon2Error, InvalidHashError):
            return False
        return known is not None

    @cached_property
    def _unknown(self) -> str:
        return self._hasher.hash("the hash that is checked for a name without one")


class FailedPasswords:
    """Counts wrong passwords by name and by address, in the memory of this process."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def begin(self, keys: Iterable[str], now: float) -> float:
        """Count a password as wrong before it is checked, so that guesses at the same time do not pass uncounted.

        Return 0, or the seconds until one may be tried: then it is not counted. `now` is that of a monotonic clock.
        """
        with self._lock:
            counted = [self._recent(key, now) for key in keys]
            full = [times[0] + WINDOW_SECONDS - now for times in counted if len(times) >= MOST_WRONG]
            for times in counted if not full else ():
                times.append(now)
            return max(full, default=0.0)

    def forgive(self, keys: Iterable[str]) -> None:
        """Uncount the latest password of each key, since it was right."""
        with self._lock:
            for key in keys:
                if times := self._times.get(key):
                    times.pop()

    def _recent(self, key: str, now: float) -> deque[float]:
        times = self._times.pop(key, None) or deque()
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        self._times[key] = times
        if len(self._times) > MAX_KEYS:
            self._times.popitem(last=False)
        return times
