"""The configured callers: their tokens, the lanes that each may use, and their request limit."""

from __future__ import annotations

import hmac
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from harkara.errors import Invalid
from harkara.limits import Allowance


@dataclass(frozen=True, slots=True)
class Caller:
    """An application with a token. A request that names no lane uses the first of `lanes`."""

    name: str
    lanes: tuple[str, ...]


class Callers:
    """All configured callers. The constructor raises Invalid if two callers have the same token.

    `limit` bounds the requests of each caller; None means no limit. Each process counts for itself, in memory.
    The limit prevents a loop in one application from using up this process. The lanes' allowances limit what is sent.
    """

    def __init__(
        self, tokens: Mapping[str, str], lanes: Mapping[str, tuple[str, ...]], limit: Allowance | None
    ) -> None:
        if len(set(tokens.values())) < len(tokens):
            raise Invalid("token", "two callers have the same token; give each its own")
        self._known = [_Known(Caller(name, lanes[name]), token.encode(), limit) for name, token in tokens.items()]

    def __len__(self) -> int:
        return len(self._known)

    def find(self, token: bytes) -> Caller | None:
        """Return the caller with this token. The time depends on no token: each one is compared."""
        matches = [known for known in self._known if hmac.compare_digest(known.token, token)]
        return matches[0].caller if matches else None

    def count_request(self, caller: Caller) -> float:
        """Count a request. Return 0 if it is allowed, otherwise the seconds until one would be."""
        return next(known for known in self._known if known.caller == caller).count_request(time.monotonic())


@dataclass
class _Known:
    caller: Caller
    token: bytes = field(repr=False)
    limit: Allowance | None
    allowed_at: deque[float] = field(default_factory=deque)
    """Times of the latest allowed requests, at most as many as the limit allows. Only the event loop uses it."""

    def count_request(self, now: float) -> float:
        if self.limit is None:
            return 0.0
        while self.allowed_at and self.allowed_at[0] <= now - self.limit.window:
            self.allowed_at.popleft()
        if len(self.allowed_at) >= self.limit.count:
            return self.allowed_at[0] + self.limit.window - now
        self.allowed_at.append(now)
        return 0.0
