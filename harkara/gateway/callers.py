"""Who may call: names with their tokens, the lanes that each may use, and how often."""

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
    """Somebody with a token. The first of the `lanes` is the one that is meant when none is named."""

    name: str
    lanes: tuple[str, ...]


class Callers:
    """Everybody who may call. Raises Invalid when two have the same token.

    `limit` bounds the requests of each, None is no limit. It is counted in this process alone, and forgotten with it:
    it keeps a loop in an application from taking the door's whole time, while the lanes' allowances bound what is sent.
    """

    def __init__(
        self, tokens: Mapping[str, str], lanes: Mapping[str, tuple[str, ...]], limit: Allowance | None
    ) -> None:
        if len(set(tokens.values())) < len(tokens):
            raise Invalid("token", "two callers have the same one")
        self._known = [_Known(Caller(name, lanes[name]), token.encode(), limit) for name, token in tokens.items()]

    def __len__(self) -> int:
        return len(self._known)

    def find(self, token: bytes) -> Caller | None:
        """Compares with every token there is, so that the time it takes says nothing about any of them."""
        fits = [known for known in self._known if hmac.compare_digest(known.token, token)]
        return fits[0].caller if fits else None

    def wait(self, caller: Caller) -> float:
        """Counts a request of theirs. Seconds until one would be let in, 0 when this one is."""
        return next(known for known in self._known if known.caller == caller).wait(time.monotonic())


@dataclass
class _Known:
    caller: Caller
    token: bytes = field(repr=False)
    limit: Allowance | None
    past: deque[float] = field(default_factory=deque)
    """When the requests were that were let in, as many as the limit allows. Only the event loop touches it."""

    def wait(self, now: float) -> float:
        if self.limit is None:
            return 0.0
        while self.past and self.past[0] <= now - self.limit.window:
            self.past.popleft()
        if len(self.past) >= self.limit.count:
            return self.past[0] + self.limit.window - now
        self.past.append(now)
        return 0.0
