"""The parts of a deployment that the routes use, and the route parameter that gives access to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Annotated, cast

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from harkara.assistant.rules import AssistantRules
from harkara.backends.ledger import LedgerBackend
from harkara.batching import Batcher
from harkara.errors import Unavailable
from harkara.gateway.callers import Callers
from harkara.gateway.failed_tokens import FailedTokens
from harkara.ledger.campaigns.create import CampaignSettings
from harkara.ledger.database import Database
from harkara.limits import Allowance
from harkara.messages import Envelope
from harkara.occasions import ReminderPlan
from harkara.receipt import Receipt

MOST_READ_AT_ONCE = 2

ReceiveWebhook = Callable[[str, bytes, str | None], Awaitable[bool]]
"""Store a webhook, given its lane, raw body and signature. Returns False if the signature is wrong.

Raises NotFound if the lane receives no webhooks, Unavailable if neither the database nor Redis can store it.
"""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The parts of a deployment that the routes use.

    `batcher` accepts single messages: those of concurrent requests share a transaction of `backend`.
    `redis_problem` raises nothing. `campaigns` and `assistant` return what the files of `config/` say now. `allowances`
    are those of the known lanes, None without a limit. With `metrics_token`, `/metrics` answers that token alone.
    `docs` says whether `/docs` and the OpenAPI description are served. `reading` bounds the files that are read at
    once, since each takes a CPU for seconds. `traceresponse` returns the response header of a traced acceptance, and
    is None in a deployment without traces.
    """

    db: Database
    backend: LedgerBackend
    batcher: Batcher[Envelope, Receipt]
    plan: ReminderPlan
    callers: Callers
    receive_webhook: ReceiveWebhook
    redis_problem: Callable[[], str | None]
    registry: CollectorRegistry
    campaigns: Callable[[], CampaignSettings]
    assistant: Callable[[], AssistantRules] = AssistantRules
    allowances: Mapping[str, Allowance | None] = field(default_factory=dict)
    metrics_token: str | None = field(default=None, repr=False)
    docs: bool = True
    traceresponse: Callable[[Envelope], str | None] | None = None
    failed_tokens: FailedTokens = field(default_factory=FailedTokens)
    reading: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_READ_AT_ONCE))


def dependencies_of(request: Request) -> Dependencies:
    return cast(Dependencies, request.app.state.dependencies)


async def _dependencies(request: Request) -> Dependencies:
    return dependencies_of(request)


Deps = Annotated[Dependencies, Depends(_dependencies)]


@contextmanager
def reading(deps: Dependencies) -> Iterator[None]:
    """Limit the files that are read at once. Raises Unavailable: the caller may repeat the request."""
    if not deps.reading.acquire(blocking=False):
        raise Unavailable("other files are being read: repeat the request in a moment")
    try:
        yield
    finally:
        deps.reading.release()
