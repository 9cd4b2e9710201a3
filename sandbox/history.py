"""Every request that the sandbox received, and the decision about it."""

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

from sandbox.phones.message import PhoneMessage

_EPOCH_AT_ZERO = time.time() - time.monotonic()
_FINGERPRINT = re.compile(r"tok_[0-9a-f]{8}")


def now() -> float:
    """Return Unix seconds that never go backwards."""
    return _EPOCH_AT_ZERO + time.monotonic()


def fingerprint(token: str) -> str:
    """Return a name for a token that does not reveal it; a fingerprint is returned unchanged."""
    return token if _FINGERPRINT.fullmatch(token) else f"tok_{sha256(token.encode()).hexdigest()[:8]}"


def alias(number: str) -> str:
    """Return a name for a recipient that links can contain."""
    return blake2b(number.encode("utf-8", "replace"), digest_size=5).hexdigest()


def digest(content: bytes) -> str:
    """Return a name for a content, equal for equal bytes."""
    return blake2b(content, digest_size=12).hexdigest()


@dataclass(slots=True)
class RequestEntry:
    """One request. `informed` is whether the client got a complete response that says what really happened."""

    received_at: float
    token: str
    recipient: str | None
    content: str
    raw: bytes
    accepted: bool = False
    delivered: bool = False
    outcome: str = "refused"
    status: int | None = None
    reason: str | None = None
    job_id: str | None = None
    informed: bool = False
    number: int = 0
    messages: list[PhoneMessage] = field(default_factory=list)
    """Its messages on the recipient's phone; empty while no webhook URL is set."""

    @property
    def body(self) -> Any:
        """The parsed body; None when it was not JSON, or was never read."""
        try:
            return json.loads(self.raw)
        except ValueError:
            return None

    def to_dict(self) -> dict[str, Any]:
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
            "why": self.reason,
            "told": self.informed,
            "jobId": self.job_id,
            "messages": [message.to_dict() for message in self.messages],
            "body": self.body,
        }


class History:
    """The latest requests, oldest first, numbered from 1 in the order of arrival."""

    def __init__(self, max_entries: int) -> None:
        self._entries: deque[RequestEntry] = deque(maxlen=max_entries)
        self._contents: Counter[str] = Counter()
        self.last_number = 0
        self.version = 0

    def add(self, entry: RequestEntry) -> None:
        if len(self._entries) == self._entries.maxlen:
            self._forget_content(self._entries[0].content)
        self.last_number += 1
        entry.number = self.last_number
        self._contents[entry.content] += 1
        self._entries.append(entry)
        self.version += 1

    def record_response(self, entry: RequestEntry, *, informed: bool) -> None:
        """Record whether the client got the response, once it has left."""
        entry.informed = informed
        self.version += 1

    def has_seen(self, content: str) -> bool:
        return content in self._contents

    def clear(self) -> None:
        """Delete all entries. The numbers go on, so a client that polls with `after` misses nothing."""
        self._entries.clear()
        self._contents.clear()
        self.version += 1

    def newest_first(self) -> Iterator[RequestEntry]:
        return reversed(self._entries)

    def matching(self, recipient: str | None = None, token: str | None = None) -> list[RequestEntry]:
        return [
            entry for entry in self._entries if recipient in (None, entry.recipient) and token in (None, entry.token)
        ]

    def _forget_content(self, content: str) -> None:
        self._contents[content] -= 1
        if not self._contents[content]:
            del self._contents[content]
