"""Every webhook with its attempts and its outcome, so that tests can compare it with what arrived."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

Outcome = Literal["waiting", "answered", "given_up", "lost", "forgotten"]


@dataclass(slots=True)
class Webhook:
    """One event to send. `tries` has the status of each response, or a word for its absence."""

    event: str
    message_id: str
    customer: str
    body: bytes
    made_at: float
    tries: list[int | str] = field(default_factory=list)
    outcome: Outcome = "waiting"
    duplicate: bool = False
    number: int = 0

    def copy_as_duplicate(self) -> Webhook:
        return replace(self, tries=[], duplicate=True)

    def to_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "made_at": datetime.fromtimestamp(self.made_at, UTC).isoformat(timespec="microseconds"),
            "event": self.event,
            "message_id": self.message_id,
            "customer": self.customer,
            "outcome": self.outcome,
            "tries": self.tries,
            "duplicate": self.duplicate,
            "body": json.loads(self.body),
        }


class WebhookLog:
    """The latest webhooks, oldest first, numbered from 1 in the order of creation."""

    def __init__(self, max_entries: int) -> None:
        self._webhooks: deque[Webhook] = deque(maxlen=max_entries)
        self.last_number = 0
        self.version = 0

    def add(self, webhook: Webhook) -> None:
        self.last_number += 1
        webhook.number = self.last_number
        self._webhooks.append(webhook)
        self.version += 1

    def record_try(self, webhook: Webhook, result: int | str) -> None:
        webhook.tries.append(result)
        self.version += 1

    def clear(self) -> None:
        """Delete all webhooks; those that are still queued are not sent."""
        for webhook in self._webhooks:
            webhook.outcome = "forgotten"
        self._webhooks.clear()

    def newest_first(self) -> Iterator[Webhook]:
        return reversed(self._webhooks)

    def matching(self, customer: str | None = None, event: str | None = None) -> list[Webhook]:
        return [
            webhook
            for webhook in self._webhooks
            if customer in (None, webhook.customer) and event in (None, webhook.event)
        ]


def webhook_counts(webhooks: Sequence[Webhook]) -> dict[str, Any]:
    """Count by outcome. `total` is `waiting` + `answered` (by 200) + `given_up` + `lost`; `tries` counts the posts."""
    outcomes = Counter(webhook.outcome for webhook in webhooks)
    return {
        "total": len(webhooks),
        "waiting": outcomes["waiting"],
        "answered": outcomes["answered"],
        "given_up": outcomes["given_up"],
        "lost": outcomes["lost"],
        "duplicates": sum(webhook.duplicate for webhook in webhooks),
        "tries": sum(len(webhook.tries) for webhook in webhooks),
        "by_event": dict(Counter(webhook.event for webhook in webhooks)),
        "by_answer": dict(Counter(str(result) for webhook in webhooks for result in webhook.tries)),
    }
