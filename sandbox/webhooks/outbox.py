"""The queues of webhooks: their workers, the retries, and the faults of delivery."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from zlib import crc32

import h11

from sandbox.fault_state import Faults
from sandbox.webhooks.connection import WebhookConnection
from sandbox.webhooks.log import Webhook, WebhookLog

WORKERS = 16
MAX_TRIES = 3
"""With exponential backoff, on any response but 200 (Chat Mitra docs, Webhooks)."""
HELD_SECONDS = 3.0
SIGNATURE = "X-Webhook-Signature"


class Outbox:
    """Sends the webhooks of one customer by one worker, in order unless a fault or a retry changes it."""

    def __init__(self, faults: Faults, max_entries: int) -> None:
        self.log = WebhookLog(max_entries)
        self._faults = faults
        self._queues: list[asyncio.Queue[Webhook]] = [asyncio.Queue() for _ in range(WORKERS)]
        self._held: dict[str, Webhook] = {}
        self._workers: list[asyncio.Task[None]] = []

    def enqueue(self, webhook: Webhook) -> None:
        """Send the webhook after its delay. Does nothing while no webhook URL is set."""
        switches = self._faults.switches
        if not switches.webhook_url:
            return
        if not self._workers:
            self._workers = [asyncio.create_task(_run_worker(queue, self._try)) for queue in self._queues]
        self.log.add(webhook)
        if self._faults.draw(switches.webhook_loss_share):
            webhook.outcome = "lost"
            return
        self._schedule(self._faults.delay_seconds(switches.webhook_delay_ms), webhook)
        if self._faults.draw(switches.webhook_duplicate_share):
            duplicate = webhook.copy_as_duplicate()
            self.log.add(duplicate)
            self._schedule(self._faults.delay_seconds(switches.webhook_delay_ms), duplicate)

    def clear(self) -> None:
        """Delete the log, and send nothing of what is queued."""
        self.log.clear()
        self._held.clear()

    async def close(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def _schedule(self, seconds: float, webhook: Webhook) -> None:
        """Queue the webhook without a timer when there is no delay: timers of one moment may run in any order."""
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._queue_in_order, webhook)
        else:
            self._queue_in_order(webhook)

    def _queue_in_order(self, webhook: Webhook) -> None:
        """Queue the webhook, and a held one of the same customer after it."""
        if webhook.outcome != "waiting":
            return  # cleared meanwhile
        if webhook.tries or webhook.duplicate:
            self._queue(webhook).put_nowait(webhook)
        elif held := self._held.pop(webhook.customer, None):
            self._queue(webhook).put_nowait(webhook)
            self._queue(held).put_nowait(held)
        elif self._faults.draw(self._faults.switches.webhook_reorder_share):
            self._held[webhook.customer] = webhook
            asyncio.get_running_loop().call_later(HELD_SECONDS, self._release_held, webhook)
        else:
            self._queue(webhook).put_nowait(webhook)

    def _release_held(self, webhook: Webhook) -> None:
        if self._held.get(webhook.customer) is webhook:
            self._queue(webhook).put_nowait(self._held.pop(webhook.customer))

    def _queue(self, webhook: Webhook) -> asyncio.Queue[Webhook]:
        """Return the customer's queue; a duplicate has another one, so that both may arrive at once."""
        return self._queues[(crc32(webhook.customer.encode()) + webhook.duplicate) % WORKERS]

    async def _try(self, webhook: Webhook, connection: WebhookConnection) -> None:
        result = await self._post(webhook, connection)
        self.log.record_try(webhook, result)
        if webhook.outcome != "waiting":
            return  # cleared meanwhile
        if result == 200:
            webhook.outcome = "answered"
        elif len(webhook.tries) == MAX_TRIES:
            webhook.outcome = "given_up"
        else:
            backoff = self._faults.switches.webhook_retry_ms / 1000 * 2 ** (len(webhook.tries) - 1)
            self._schedule(backoff, webhook)

    async def _post(self, webhook: Webhook, connection: WebhookConnection) -> int | str:
        """Return the status, or a word for the reason why there is none."""
        switches = self._faults.switches
        headers = [("Content-Type", "application/json"), *self._signature(webhook.body)]
        seconds = switches.webhook_timeout_ms / 1000
        try:
            return await connection.post(switches.webhook_url, headers, webhook.body, seconds)
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
        if self._faults.draw(self._faults.switches.webhook_wrong_signature_share):
            secret += " changed"
        return [(SIGNATURE, hmac.new(secret.encode(), body, "sha256").hexdigest())]


async def _run_worker(
    queue: asyncio.Queue[Webhook], send: Callable[[Webhook, WebhookConnection], Awaitable[None]]
) -> None:
    connection = WebhookConnection()
    try:
        while True:
            webhook = await queue.get()
            if webhook.outcome == "waiting":
                await send(webhook, connection)
    finally:
        connection.close()
