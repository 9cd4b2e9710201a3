"""The client for applications with an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from harkara.backends import loop_connections
from harkara.client.options import ClientOptions, ClosingOptions, MessageOptions, OccasionOptions
from harkara.client.steps import ClientSteps
from harkara.errors import Conflict, Invalid
from harkara.loop_steps import run_async
from harkara.receipt import Change, Handle
from harkara.steps import Steps

if TYPE_CHECKING:  # `import harkara` does not pay for pydantic, nor for occasions
    from harkara.catalogue import Catalogue
    from harkara.client.envelopes import Content
    from harkara.inbound.contact import ConsentCategory
    from harkara.message_status import MessageStatus
    from harkara.messages import Envelope
    from harkara.occasions import ReminderPlan

T = TypeVar("T")


class AsyncClient(ClientSteps):
    """`Client` for asyncio: the same arguments, and the same calls with `await`.

    Calls to Redis use redis.asyncio. With `database_url`, calls to the ledger run in threads, so they hold up no other
    task. A client belongs to one event loop, that of its first call. Use it as `async with AsyncClient(...) as client`,
    or call `aclose`. `envelope` validates without waiting, so it has no `await`.
    """

    def __init__(self, redis_url: str | None = None, **options: Unpack[ClientOptions]) -> None:
        super().__init__(redis_url, **options)
        self._connections = loop_connections(redis_url, self._seconds) if redis_url else None

    async def send(self, message: Content, *, to: str, **options: Unpack[MessageOptions]) -> Handle:
        """Send a message to one recipient, as `Client.send`."""
        return await self._run(self._send_steps(self.envelope(message, to=to, **options)))

    async def send_template(self, kind: str, *, to: str, **given: Any) -> Handle:
        """Send a template of the catalogue, as `Client.send_template`."""
        return await self._run(self._send_template_steps(kind, to, given))

    async def envelope_from_template(self, kind: str, *, to: str, **given: Any) -> Envelope:
        """Validate a template without sending it, as `Client.envelope_from_template`."""
        return await self._run(self._template_steps(kind, to, given))

    async def send_many(self, envelopes: Iterable[Envelope]) -> list[Handle | Conflict | Invalid]:
        """Send many messages, as `Client.send_many`."""
        return await self._run(self._send_many_steps(envelopes))

    async def cancel(self, key: str | Handle) -> bool:
        """Cancel a message, as `Client.cancel`."""
        return await self._run(self._cancel_steps(key))

    async def status(self, key: str | Handle) -> MessageStatus:
        """State and trace of a message, as `Client.status`."""
        return await self._run(self._status_steps(key))

    async def save_occasion(self, kind: str, reference: str, *, to: str, **options: Unpack[OccasionOptions]) -> Change:
        """Create an occasion, or change it, as `Client.save_occasion`."""
        return await self._run(self._save_occasion_steps(kind, reference, to, options))

    async def cancel_occasion(self, kind: str, reference: str, **options: Unpack[ClosingOptions]) -> Change:
        """Record that an occasion will not happen, as `Client.cancel_occasion`."""
        return await self._run(self._close_occasion_steps(kind, reference, "cancelled", options))

    async def complete_occasion(self, kind: str, reference: str, **options: Unpack[ClosingOptions]) -> Change:
        """Record that an occasion was kept, paid or delivered, as `Client.complete_occasion`."""
        return await self._run(self._close_occasion_steps(kind, reference, "completed", options))

    async def no_show_occasion(self, kind: str, reference: str, **options: Unpack[ClosingOptions]) -> Change:
        """Record that the customer did not come, as `Client.no_show_occasion`."""
        return await self._run(self._close_occasion_steps(kind, reference, "no-show", options))

    async def opt_out(
        self, to: str, *, proof: str, category: ConsentCategory = "everything", lane: str | None = None
    ) -> None:
        """Record that a person wants no more messages, as `Client.opt_out`."""
        await self._run(self._consent_steps("opt-out", to, proof, category, lane))

    async def opt_in(
        self, to: str, *, proof: str, category: ConsentCategory = "everything", lane: str | None = None
    ) -> None:
        """Record that a person wants messages again, as `Client.opt_in`."""
        await self._run(self._consent_steps("opt-in", to, proof, category, lane))

    async def catalogue(self) -> Catalogue:
        """The template catalogue that `send_template` uses, as `Client.catalogue`."""
        return await self._run(self._catalogue_steps())

    async def plan(self) -> ReminderPlan:
        """The reminder rules that `save_occasion` uses, as `Client.plan`."""
        return await self._run(self._plan_steps())

    async def aclose(self) -> None:
        """Close the connections to Redis and the database."""
        await asyncio.to_thread(self._backend.close)
        if self._connections:
            await self._connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.aclose()

    async def _run(self, steps: Steps[T]) -> T:
        return await run_async(steps, self._connections)
