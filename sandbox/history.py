"""Every request the stand-in was sent, and what it made of it."""

from __future__ import annotations

import json
import re
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from typing import Any

from sandbox.phones.said import Said

_WALL_AT_ZERO = time.time() - time.monotonic()
_FINGERPRINT = re.compile(r"tok_[0-9a-f]{8}")


def now() -> float:
    """Unix seconds that never go backwards."""
    return _WALL_AT_ZERO + time.monotonic()


def fingerprint(token: str) -> str:
    """Tells tokens apart without keeping them; a fingerprint stays what it is."""
    return token if _FINGERPRINT.fullmatch(token) else f"tok_{sha256(token.encode()).hexdigest()[:8]}"


def alias(number: str) -> str:
    """Stands for a recipient in links."""
    return blake2b(number.encode("utf-8", "replace"), digest_size=5).hexdigest()


def digest(content: bytes) -> str:
    return blake2b(content, digest_size=12).hexdigest()


@dataclass(slots=True)
class Entry:
    """One request. `told` is whether the client got a whole answer that says what really happened."""

    received_at: float
    token: str
    recipient: str | None
    content: str
    raw: bytes
    accepted: bool = False
    delivered: bool = False
    outcome: str = "refused"
    status: int | None = None
    why: str | None = None
    job_id: str | None = None
    told: bool = False
    number: int = 0
    messages: list[Said] = field(default_factory=list)
    """What reaches the phone of it; known only while a webhook asks."""

    @property
    def body(self) -> Any:
        """None when it was not JSON, or was never read."""
        try:
            return json.loads(self.raw)
        except ValueError:
            return None

    def shown(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "received_at": datetime.fromtimestamp(self.received_at, UTC).isoformat(timespec="microseconds"),
            "token": self.token,
            "recipient": self.recipient,
            "content": self.content,
            "outcome": self.outcome,
            "accepted": self.accepted,
            "delivered": self.delivered,
            "status": self.status,
            "why": self.why,
            "told": self.told,
            "jobId": self.job_id,
            "messages": [said.shown() for said in self.messages],
            "body": self.body,
        }


class History:
    """The latest requests, oldest first, numbered from 1 in the order of their arrival."""

    def __init__(self, most: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)
        self._seen: Counter[str] = Counter()
        self.last_number = 0
        self.version = 0

    def add(self, entry: Entry) -> None:
        if len(self._entries) == self._entries.maxlen:
            self._unsee(self._entries[0].content)
        self.last_number += 1
        entry.number = self.last_number
        self._seen[entry.content] += 1
        self._entries.append(entry)
        self.version += 1

    def note(self, entry: Entry, told: bool) -> None:
        """Whether the client knows, once its answer has left."""
        entry.told = told
        self.version += 1

    def has_seen(self, content: str) -> bool:
        return content in self._seen

    def forget(self) -> None:
        """Numbers go on, so that a reader who asks for what came `after` one is not fooled."""
        self._entries.clear()
        self._seen.clear()
        self.version += 1

    def newest_first(self) -> Iterator[Entry]:
        return reversed(self._entries)

    def matching(self, recipient: str | None = None, token: str | None = None) -> list[Entry]:
        return [
            entry for entry in self._entries if recipient in (None, entry.recipient) and token in (None, entry.token)
        ]

    def _unsee(self, content: str) -> None:
        self._seen[content] -= 1
        if not self._seen[content]:
            del self._seen[content]
