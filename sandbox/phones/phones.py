"""All phones: messages reach them or fail, are read, and answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any

from sandbox.faults import Faults
from sandbox.history import Entry, now
from sandbox.phones.said import Said, State, contents
from sandbox.webhooks.events import about
from sandbox.webhooks.outbox import Outbox

WINDOW_SECONDS = 24 * 3600.0
OUTSIDE_THE_WINDOW = 131047

Step = tuple[float, State]
"""A state, and the seconds from the one before to it."""


class Phones:
    """Events about all this go to the outbox."""

    def __init__(self, faults: Faults, outbox: Outbox, most: int) -> None:
        self.version = 0
        self._faults = faults
        self._outbox = outbox
        self._said: deque[Said] = deque(maxlen=most)
        self._wrote_at: dict[str, float] = {}
        self._on_their_way: dict[str, Said] = {}

    def take(self, entry: Entry) -> None:
        """The messages of a request that was accepted; without a webhook nobody asks what became of them."""
        if not self._faults.switches.webhook_url:
            return
        for content, needs_window in contents(entry.raw):
            said = Said(entry.recipient or "", content, "api", entry.received_at, job_id=entry.job_id)
            said.code = self._trouble(said.customer, needs_window)
            entry.messages.append(said)
            self._go(said)
        entry.delivered = not any(said.code for said in entry.messages)

    def staff_writes(self, customer: str, content: dict[str, Any]) -> Said:
        """In Chat Mitra's dashboard; its events look like those of the API's messages."""
        said = Said(customer, content, "staff", now())
        self._note(said)
        self._go(said)
        return said

    def customer_writes(
        self,
        customer: str,
        content: dict[str, Any],
        *,
        reply_id: str | None = None,
        reply_to: str | None = None,
        seconds_ago: float = 0,
    ) -> Said:
        """Opens the window, from the moment at which it was written."""
        at = now() - seconds_ago
        said = Said(customer, content, "customer", at, reply_id=reply_id, reply_to=reply_to, state="received")
        self._wrote_at[customer] = max(at, self._wrote_at.get(customer, at))
        self._note(said)
        self._tell(said, at)
        return said

    def forget(self) -> None:
        """Nothing more is heard of what is on its way."""
        self._said.clear()
        self._wrote_at.clear()
        self._on_their_way.clear()
        self.version += 1

    @property
    def on_their_way(self) -> int:
        """Messages that have not yet come as far as they will."""
        return len(self._on_their_way)

    def newest_first(self) -> Iterator[Said]:
        """What customers and staff wrote; what the API sent is with its request."""
        return reversed(self._said)

    def _trouble(self, customer: str, needs_window: bool) -> int | None:
        switches = self._faults.switches
        for failing in switches.fail_numbers:
            if failing.number == customer:
                return failing.code
        if switches.window and needs_window and now() - self._wrote_at.get(customer, 0) > WINDOW_SECONDS:
            return OUTSIDE_THE_WINDOW
        return switches.fail_code if self._faults.happens(switches.fail_share) else None

    def _go(self, said: Said) -> None:
        self._on_their_way[said.id] = said
        self._wait(said, self._way(said.code))

    def _way(self, trouble: int | None) -> list[Step]:
        faults, switches = self._faults, self._faults.switches
        sent, delivered = faults.pause(switches.sent_after_ms), faults.pause(switches.delivered_after_ms)
        if trouble:
            return [(sent, "sent"), (delivered, "failed")] if switches.sent_before_failed else [(sent, "failed")]
        way: list[Step] = [(sent, "sent"), (delivered, "delivered")]
        if faults.happens(switches.read_share):
            way.append((faults.pause(switches.read_after_ms), "read"))
        return way

    def _wait(self, said: Said, way: list[Step]) -> None:
        if way:
            asyncio.get_running_loop().call_later(way[0][0], self._reach, said, way)
        else:
            del self._on_their_way[said.id]

    def _reach(self, said: Said, way: list[Step]) -> None:
        if said.id not in self._on_their_way:
            return  # forgotten meanwhile
        said.state = way[0][1]
        self.version += 1
        self._tell(said, now())
        self._wait(said, way[1:])

    def _note(self, said: Said) -> None:
        self._said.append(said)
        self.version += 1

    def _tell(self, said: Said, at: float) -> None:
        self._outbox.hand_in(about(said, at, self._faults.switches.job_id_in_events))
