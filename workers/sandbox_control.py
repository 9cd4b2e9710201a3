"""The sandbox's control API, by which the demo sets switches and acts as the customers."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


class Sandbox:
    """The stand-in for Chat Mitra at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def answers(self) -> bool:
        try:
            return bool(self._call("GET", "/healthz"))
        except OSError:
            return False

    def switch(self, **switches: Any) -> None:
        self._call("PATCH", "/_sandbox/faults", switches)

    def customer(self, number: str, said: str) -> None:
        """Write to the account as a customer."""
        self._call("POST", "/_sandbox/customer", {"from": number, "text": said})

    def counts(self, window: float) -> dict[str, Any]:
        """Return the number of accepted messages, and the largest number in any window of this many seconds."""
        found: dict[str, Any] = self._call("GET", f"/_sandbox/counts?window={window:g}")
        return found

    def _call(self, method: str, path: str, said: dict[str, Any] | None = None) -> Any:
        data = json.dumps(said).encode() if said else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)
