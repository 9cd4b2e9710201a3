"""All phones: messages arrive or fail, are read, and get replies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any

from sandbox.fault_state import Faults
from sandbox.history import RequestEntry, now
from sandbox.phones.message import PhoneMessage, State, message_contents
from sandbox.template_texts import ReadTemplate
from sandbox.webhooks.events import build_preference, build_webhook
from sandbox.webhooks.outbox import Outbox

WINDOW_SECONDS = 24 * 3600.0
OUTSIDE_THE_WINDOW = 131047

CHANGES = ("edit", "revoke", "system")
"""Types of a customer's event that is no new message, and so opens no window."""

Step = tuple[float, State]
"""A state, and the seconds from the previous one to it."""


class Phones:
    """Moves messages from state to state, and puts an event for each into the outbox."""

    def __init__(self, faults: Faults, outbox: Outbox, max_messages: int, read: ReadTemplate) -> None:
        self.version = 0
        self._faults = faults
        self._outbox = outbox
        self._read = read
        self._written: deque[PhoneMessage] = deque(maxlen=max_messages)
        self._wrote_at: dict[str, float] = {}
        self._in_transit: dict[str, PhoneMessage] = {}

    def deliver(self, entry: RequestEntry) -> None:
        """Deliver the messages of an accepted request. Does nothing while no webhook URL is set."""
        if not self._faults.switches.webhook_url:
            return
        for content, needs_window in message_contents(entry.raw):
            message = PhoneMessage(entry.recipient or "", content, "api", entry.received_at, job_id=entry.job_id)
            message.code = self._failure_code(message.customer, content, needs_window)
            entry.messages.append(message)
            self._start(message)
        entry.delivered = not any(message.code for message in entry.messages)

    def write_as_staff(self, customer: str, content: dict[str, Any]) -> PhoneMessage:
        """Write to a customer in Chat Mitra's dashboard; its events look like those of the API's messages."""
        message = PhoneMessage(customer, content, "staff", now())
        self._add(message)
        self._start(message)
        return message

    def write_as_customer(
        self,
        customer: str,
        content: dict[str, Any],
        *,
        reply_id: str | None = None,
        reply_to: str | None = None,
        seconds_ago: float = 0,
    ) -> PhoneMessage:
        """Write to the account, which opens the 24-hour window `seconds_ago`, or change an earlier message."""
        at = now() - seconds_ago
        message = PhoneMessage(
            customer, content, "customer", at, reply_id=reply_id, reply_to=reply_to, state="received"
        )
        if content["type"] not in CHANGES:
            self._wrote_at[customer] = max(at, self._wrote_at.get(customer, at))
        self._add(message)
        self._emit_event(message, at)
        return message

    def choose_marketing(self, customer: str, value: str) -> None:
        """Stop or resume the account's marketing messages, in WhatsApp's own menu."""
        self._outbox.enqueue(build_preference(customer, value, now()))

    def clear(self) -> None:
        """Delete all messages; those in transit cause no more events."""
        self._written.clear()
        self._wrote_at.clear()
        self._in_transit.clear()
        self.version += 1

    @property
    def in_transit(self) -> int:
        """The number of messages that have not reached their last state."""
        return len(self._in_transit)

    def newest_first(self) -> Iterator[PhoneMessage]:
        """Return what customers and staff wrote; the API's messages are with their requests."""
        return reversed(self._written)

    def _failure_code(self, customer: str, content: dict[str, Any], needs_window: bool) -> int | None:
        switches = self._faults.switches
        for failing in switches.fail_numbers:
            if failing.number == customer:
                return failing.code
        if switches.window and needs_window and now() - self._wrote_at.get(customer, 0) > WINDOW_SECONDS:
            return OUTSIDE_THE_WINDOW
        if content["type"] == "template" and (text := self._read(content["template"])) and text.code:
            return text.code
        return switches.fail_code if self._faults.draw(switches.fail_share) else None

    def _start(self, message: PhoneMessage) -> None:
        self._in_transit[message.id] = message
        self._schedule_next(message, self._plan_steps(message.code))

    def _plan_steps(self, failure_code: int | None) -> list[Step]:
        faults, switches = self._faults, self._faults.switches
        sent = faults.delay_seconds(switches.sent_after_ms)
        delivered = faults.delay_seconds(switches.delivered_after_ms)
        if failure_code:
            return [(sent, "sent"), (delivered, "failed")] if switches.sent_before_failed else [(sent, "failed")]
        steps: list[Step] = [(sent, "sent"), (delivered, "delivered")]
        if faults.draw(switches.read_share):
            steps.append((faults.delay_seconds(switches.read_after_ms), "read"))
        return steps

    def _schedule_next(self, message: PhoneMessage, steps: list[Step]) -> None:
        if steps:
            asyncio.get_running_loop().call_later(steps[0][0], self._advance, message, steps)
        else:
            del self._in_transit[message.id]

    def _advance(self, message: PhoneMessage, steps: list[Step]) -> None:
        if message.id not in self._in_transit:
            return  # cleared meanwhile
        message.state = steps[0][1]
        self.version += 1
        self._emit_event(message, now())
        self._schedule_next(message, steps[1:])

    def _add(self, message: PhoneMessage) -> None:
        self._written.append(message)
        self.version += 1

    def _emit_event(self, message: PhoneMessage, at: float) -> None:
        self._outbox.enqueue(build_webhook(message, at, self._faults.switches.job_id_in_events))
