"""What stands behind the web door, and how a route reaches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from harkara.backends.ledger import LedgerBackend
from harkara.batching import Batcher
from harkara.gateway.callers import Callers
from harkara.ledger.database import Database
from harkara.messages import Envelope
from harkara.occasions import ReminderPlan
from harkara.receipt import Receipt

Hear = Callable[[str, bytes, str | None], bool]
"""Takes a webhook: lane, the body's own bytes, signature. True when it is kept, False when it is not genuine.

Raises NotFound for a lane that hears nothing, Unavailable when it could be kept nowhere.
"""


@dataclass(frozen=True, slots=True)
class Behind:
    """The parts of a deployment that the web door opens to others: `together` the door for one message of many callers.

    `redis_answers` raises nothing.
    """

    db: Database
    door: LedgerBackend
    together: Batcher[Envelope, Receipt]
    plan: ReminderPlan
    callers: Callers
    hear: Hear
    redis_answers: Callable[[], bool]
    registry: CollectorRegistry


async def _behind(request: Request) -> Behind:
    return cast(Behind, request.app.state.behind)


Inside = Annotated[Behind, Depends(_behind)]
