"""Parts of the HTTP API."""

from __future__ import annotations

from functools import cache

from prometheus_client import REGISTRY

from config.callers import callers
from config.crash_points import checked_after, crash_at
from config.ledger_backend import ledger_backend
from config.metrics import count_unknown_event, count_webhook
from config.settings import settings
from config.wiring.loaded_files import config_files
from config.wiring.shared import broker, campaigns, database, lanes, reminder_plan, webhook_stream
from config.wiring.tracing import start_tracing, traced_accept, traceresponse
from harkara.batching import Batcher
from harkara.errors import Unavailable
from harkara.gateway import Dependencies
from harkara.ledger.messages.accept import MAX_DIRECT_HINTS
from harkara.redis_client import connect, require_writable
from harkara.webhooks.receive import WebhookReceiver


def dependencies() -> Dependencies:
    """Return what the routes use. Raises SystemExit, with the next step, for a setting that is wrong."""
    start_tracing()
    backend = ledger_backend(settings(), database(), broker())
    kill_at = settings().kill_at
    accept = traced_accept(backend.enqueue)
    accept = checked_after(accept, "W1", crash_at(kill_at)) if kill_at else accept
    return Dependencies(
        db=database(),
        backend=backend,
        batcher=Batcher(accept, MAX_DIRECT_HINTS),
        plan=reminder_plan(),
        callers=callers(settings(), frozenset(lanes())),
        receive_webhook=_webhook_receiver().receive,
        redis_problem=_redis_problem,
        registry=REGISTRY,
        campaigns=campaigns,
        assistant=lambda: config_files().assistant,
        allowances={name: lane.allowance for name, lane in lanes().items()},
        metrics_token=token.get_secret_value() if (token := settings().metrics_token) else None,
        docs=settings().docs,
        traceresponse=traceresponse(),
    )


@cache
def _webhook_receiver() -> WebhookReceiver:
    return WebhookReceiver(
        database(),
        lanes(),
        webhook_stream(),
        _notify_webhooks,
        on_received=count_webhook,
        on_unknown=count_unknown_event,
    )


def _notify_webhooks() -> None:
    """Wake a worker up for the webhooks, unless another process just has. Raises Unavailable."""
    if webhook_stream().notify():
        broker().notify_webhooks()


def _redis_problem() -> str | None:
    """Return why Redis takes no hand-over; None if it does."""
    try:
        with connect(settings().broker_url, seconds=1) as connection:
            require_writable(connection)
    except Unavailable as error:
        return error.outage or "away"
    return None
