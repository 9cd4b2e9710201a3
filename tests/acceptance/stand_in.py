"""The sandbox as a test sees it: its fault switches, and what it accepted, which is the truth."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from datetime import datetime
from typing import Any

from harkara import Envelope
from sandbox.history import digest


class StandIn:
    """The desk of a running sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def send_message(self) -> str:
        return f"{self.url}/developer/api/send_message"

    def faults(self, **switches: Any) -> None:
        """Sets switches, and leaves the others as they are."""
        self._call("faults", "PATCH", switches)

    def behave(self) -> None:
        """Every switch back to what the process was started with."""
        self._call("faults", "DELETE")

    def switches(self) -> dict[str, Any]:
        found: dict[str, Any] = self._call("faults")
        return found

    def counts(self, window: float = 60) -> dict[str, Any]:
        found: dict[str, Any] = self._call(f"counts?window={window}")
        return found

    def met(self, outcome: str) -> int:
        """How many requests ended so: `accepted`, `too_many`, `reset_before_read` …"""
        return int(self.counts()["by_outcome"].get(outcome, 0))

    def requests(self, recipient: str | None = None) -> list[dict[str, Any]]:
        """Every request that came, oldest first; those to one number only if it is given."""
        of_one = f"&recipient={recipient}" if recipient else ""
        found: list[dict[str, Any]] = self._call(f"requests?limit=1000000{of_one}")["requests"]
        return found

    def accepted(self) -> Counter[str]:
        """How often each content was accepted."""
        return Counter(request["content"] for request in self.requests() if request["accepted"])

    def times(self, recipient: str | None = None) -> list[float]:
        """When each accepted request came, in Unix seconds; those to one number only if it is given."""
        return [
            datetime.fromisoformat(request["received_at"]).timestamp()
            for request in self.requests(recipient)
            if request["accepted"]
        ]

    def customer(self, number: str, **said: Any) -> str:
        """Writes, as a customer does: `text`, `reply_id`, `seconds_ago` …; returns WhatsApp's id of it."""
        return str(self._call("customer", "POST", {"from": number} | said)["message_id"])

    def staff(self, number: str, text: str) -> str:
        """Writes to a customer in Chat Mitra's dashboard, which Harkara knows nothing of."""
        return str(self._call("staff", "POST", {"to": number, "text": text})["message_id"])

    def webhooks(self) -> dict[str, Any]:
        """Every webhook with its tries, oldest first, and their `counts`."""
        found: dict[str, Any] = self._call("webhooks?limit=1000000")
        return found

    @property
    def has_told_all(self) -> bool:
        """Whether all messages have come as far as they will, and no webhook is under way any more."""
        found: dict[str, Any] = self._call("webhooks?limit=0")
        return not found["on_their_way"] and not found["counts"]["waiting"]

    def _call(self, path: str, method: str = "GET", change: dict[str, Any] | None = None) -> Any:
        data = None if change is None else json.dumps(change).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


def content(envelope: Envelope) -> str:
    """The sandbox's name for what an envelope holds, by which it recognises a repeat."""
    canonical = json.dumps(envelope.body(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return digest(canonical.encode())
