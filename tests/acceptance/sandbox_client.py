"""A client of the sandbox's control API: its fault switches, and what it accepted, which is the truth."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from datetime import datetime
from typing import Any

from harkara import Envelope
from sandbox.history import digest


class SandboxClient:
    """The control API of a running sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def send_message(self) -> str:
        return f"{self.url}/developer/api/send_message"

    def set_faults(self, **switches: Any) -> None:
        """Set these switches, and leave the others as they are."""
        self._call("faults", "PATCH", switches)

    def reset_faults(self) -> None:
        """Restore the switches that the process was started with."""
        self._call("faults", "DELETE")

    def switches(self) -> dict[str, Any]:
        found: dict[str, Any] = self._call("faults")
        return found

    def counts(self, window: float = 60) -> dict[str, Any]:
        found: dict[str, Any] = self._call(f"counts?window={window}")
        return found

    def count(self, outcome: str) -> int:
        """Count the requests with this outcome: `accepted`, `too_many`, `reset_before_read` …"""
        return int(self.counts()["by_outcome"].get(outcome, 0))

    def requests(self, recipient: str | None = None) -> list[dict[str, Any]]:
        """Return every request, oldest first, or only those to one number."""
        query = f"&recipient={recipient}" if recipient else ""
        found: list[dict[str, Any]] = self._call(f"requests?limit=1000000{query}")["requests"]
        return found

    def accepted(self) -> Counter[str]:
        """Count how often each content was accepted."""
        return Counter(request["content"] for request in self.requests() if request["accepted"])

    def accepted_times(self, recipient: str | None = None) -> list[float]:
        """Return the arrival of each accepted request in Unix seconds, or only of those to one number."""
        return [
            datetime.fromisoformat(request["received_at"]).timestamp()
            for request in self.requests(recipient)
            if request["accepted"]
        ]

    def write_as_customer(self, number: str, **fields: Any) -> str:
        """Write as a customer: `text`, `reply_id`, `seconds_ago` …; return WhatsApp's id of the message."""
        return str(self._call("customer", "POST", {"from": number} | fields)["message_id"])

    def choose_marketing(self, number: str, preference: str) -> None:
        """Choose `stop` or `resume` for marketing messages in WhatsApp's own menu, as a customer."""
        self._call("customer", "POST", {"from": number, "preference": preference})

    def write_as_staff(self, number: str, text: str) -> str:
        """Write to a customer in Chat Mitra's dashboard, of which Harkara knows nothing."""
        return str(self._call("staff", "POST", {"to": number, "text": text})["message_id"])

    def model_requests(self) -> list[dict[str, Any]]:
        """Return every request to the language model, oldest first."""
        found: list[dict[str, Any]] = self._call("model")["requests"]
        return found

    def webhooks(self) -> dict[str, Any]:
        """Return every webhook with its tries, oldest first, and their `counts`."""
        found: dict[str, Any] = self._call("webhooks?limit=1000000")
        return found

    def webhook_tries(self, customer: str, message_id: str) -> list[int | str]:
        """Return the result of each try of a customer's message: a status, or a word for its absence."""
        found = self._call(f"webhooks?customer={customer}")["webhooks"]
        return next(one["tries"] for one in found if one["message_id"] == message_id)

    def webhook_counts(self) -> dict[str, Any]:
        """Return the figures of all webhooks: `total`, `answered`, `by_answer` …"""
        found: dict[str, Any] = self._call("webhooks?limit=0")["counts"]
        return found

    @property
    def has_sent_all_events(self) -> bool:
        """Whether all messages are in their last state, and no webhook is waiting."""
        found: dict[str, Any] = self._call("webhooks?limit=0")
        return not found["on_their_way"] and not found["counts"]["waiting"]

    def _call(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or b"null")


def content_digest(envelope: Envelope) -> str:
    """Return the sandbox's name for the content of an envelope, by which it recognizes a duplicate."""
    canonical = json.dumps(envelope.body(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return digest(canonical.encode())
