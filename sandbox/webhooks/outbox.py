"""The queues of webhooks: who carries them, how often each is tried, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from zlib import crc32

import h11

from sandbox.faults import Faults
from sandbox.webhooks.line import Line
from sandbox.webhooks.log import Log, Webhook

COURIERS = 16
TRIES = 3
"""In all, with exponential backoff, on any answer but 200 (Chat Mitra docs, Webhooks)."""
HELD_SECONDS = 3.0
SIGNATURE = "X-Webhook-Signature"


class Outbox:
    """What concerns one customer is carried by one courier, in order unless a fault or a second try changes it."""

    def __init__(self, faults: Faults, most: int) -> None:
        self.log = Log(most)
        self._faults = faults
        self._queues: list[asyncio.Queue[Webhook]] = [asyncio.Queue() for _ in range(COURIERS)]
        self._held: dict[str, Webhook] = {}
        self._couriers: list[asyncio.Task[None]] = []

    def hand_in(self, webhook: Webhook) -> None:
        """Without a URL there is nobody to be told."""
        switches = self._faults.switches
        if not switches.webhook_url:
            return
        if not self._couriers:
            self._couriers = [asyncio.create_task(_carry(queue, self._try)) for queue in self._queues]
        self.log.add(webhook)
        if self._faults.happens(switches.webhook_loss_share):
            webhook.outcome = "lost"
            return
        self._later(self._faults.pause(switches.webhook_delay_ms), webhook)
        if self._faults.happens(switches.webhook_duplicate_share):
            copy = webhook.again()
            self.log.add(copy)
            self._later(self._faults.pause(switches.webhook_delay_ms), copy)

    def forget(self) -> None:
        self.log.forget()
        self._held.clear()

    async def close(self) -> None:
        for courier in self._couriers:
            courier.cancel()
        await asyncio.gather(*self._couriers, return_exceptions=True)

    def _later(self, seconds: float, webhook: Webhook) -> None:
        """Not by a timer when it is now: timers of the same moment may change places."""
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._line_up, webhook)
        else:
            self._line_up(webhook)

    def _line_up(self, webhook: Webhook) -> None:
        """One that is held back follows the next of the same customer."""
        if webhook.outcome != "waiting":
            return  # forgotten meanwhile
        if webhook.tries or webhook.duplicate:
            self._queue(webhook).put_nowait(webhook)
        elif held := self._held.pop(webhook.customer, None):
            self._queue(webhook).put_nowait(webhook)
            self._queue(held).put_nowait(held)
        elif self._faults.happens(self._faults.switches.webhook_reorder_share):
            self._held[webhook.customer] = webhook
            asyncio.get_running_loop().call_later(HELD_SECONDS, self._let_go, webhook)
        else:
            self._queue(webhook).put_nowait(webhook)

    def _let_go(self, webhook: Webhook) -> None:
        if self._held.get(webhook.customer) is webhook:
            self._queue(webhook).put_nowait(self._held.pop(webhook.customer))

    def _queue(self, webhook: Webhook) -> asyncio.Queue[Webhook]:
        """A duplicate goes by another courier, so that both may arrive at once."""
        return self._queues[(crc32(webhook.customer.encode()) + webhook.duplicate) % COURIERS]

    async def _try(self, webhook: Webhook, line: Line) -> None:
        answer = await self._post(webhook, line)
        self.log.note(webhook, answer)
        if webhook.outcome != "waiting":
            return  # forgotten meanwhile
        if answer == 200:
            webhook.outcome = "answered"
        elif len(webhook.tries) == TRIES:
            webhook.outcome = "given_up"
        else:
            backoff = self._faults.switches.webhook_retry_ms / 1000 * 2 ** (len(webhook.tries) - 1)
            self._later(backoff, webhook)

    async def _post(self, webhook: Webhook, line: Line) -> int | str:
        """The status, or a word for why there is none."""
        switches = self._faults.switches
        headers = [("Content-Type", "application/json"), *self._signature(webhook.body)]
        try:
            return await line.post(switches.webhook_url, headers, webhook.body, switches.webhook_timeout_ms / 1000)
        except TimeoutError:
            return "timeout"
        except ConnectionRefusedError:
            return "not_reached"
        except (OSError, h11.RemoteProtocolError):
            return "no_answer"

    def _signature(self, body: bytes) -> list[tuple[str, str]]:
        """Lowercase hex of HMAC-SHA256 over the very bytes that are sent (Chat Mitra docs, Webhooks: Setup)."""
        secret = self._faults.switches.webhook_secret.get_secret_value()
        if not secret:
            return []
        if self._faults.happens(self._faults.switches.webhook_wrong_signature_share):
            secret += " of somebody else"
        return [(SIGNATURE, hmac.new(secret.encode(), body, "sha256").hexdigest())]


async def _carry(queue: asyncio.Queue[Webhook], carry: Callable[[Webhook, Line], Awaitable[None]]) -> None:
    line = Line()
    try:
        while True:
            webhook = await queue.get()
            if webhook.outcome == "waiting":
                await carry(webhook, line)
    finally:
        line.close()
