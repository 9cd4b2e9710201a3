"""Prometheus metrics that this process counts, and the port that serves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import structlog
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.registry import Collector

from config.settings import settings
from harkara.delivery.post_times import PostTimes
from harkara.ledger.messages.claim import Claimed
from harkara.outcomes import Outcome

log = structlog.get_logger(__name__)

OUTCOMES = Counter("harkara_outcomes_total", "POSTs by outcome", ("lane", "category", "outcome", "code"))
POST = Histogram(
    "harkara_post_seconds",
    "From the POST to the durable record of its outcome",
    ("lane",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
WAITING = Histogram(
    "harkara_waiting_seconds",
    "From the due time of a message to the claim that POSTed it",
    ("lane", "priority"),
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400),
)
DELIVERY = Histogram(
    "harkara_delivery_seconds",
    "From the POST that was accepted to the webhook that reports the delivery",
    ("lane",),
    buckets=(1, 2.5, 5, 10, 15, 30, 60, 120, 300, 900, 1800, 3600, 14_400, 86_400),
)
FINDINGS = Gauge("harkara_audit_findings", "Rules that the last audit of this worker found broken")
SWEPT = Counter("harkara_swept_total", "Rows that the sweep repaired", ("duty",))
CALLBACKS = Counter("harkara_callbacks_total", "Callbacks to the application by outcome", ("outcome",))
REJECTED = Counter("harkara_intake_rejected_total", "Entries of the intake that are not valid messages")
WEBHOOKS = Counter("harkara_webhooks_total", "Webhooks that the HTTP API received", ("lane", "outcome"))
UNKNOWN_EVENTS = Counter("harkara_unknown_events_total", "Webhook events that this release does not know", ("about",))
EVENTS = Counter("harkara_events_total", "Events that were applied, are orphans, or wait for their message", ("end",))

MAX_EVENT_NAMES = 50
"""Unknown event names that become labels; a sender of webhooks cannot create more time series than this."""

_event_names: set[str] = set()


def observe_post(claimed: Claimed, outcome: Outcome, times: PostTimes) -> None:
    """Count one POST and its duration. Labels have few values and no personal data."""
    code = getattr(outcome, "code", None) or "-"
    _outcomes(claimed.lane, claimed.category, type(outcome).__name__.lower(), code).inc()
    _post_seconds(claimed.lane).observe(times.recorded - times.started)
    _waiting_seconds(claimed.lane, claimed.priority).observe(
        max(0.0, (claimed.claimed_at - claimed.due_at).total_seconds())
    )


def observe_deliveries(deliveries: Sequence[tuple[str, float]]) -> None:
    """Observe deliveries, each given by its lane and its seconds."""
    for lane, seconds in deliveries:
        _delivery_seconds(lane).observe(seconds)


@cache
def _outcomes(lane: str, category: str, outcome: str, code: str) -> Counter:
    """Return a counter by its labels. Prometheus' own search for it costs more than counting."""
    return OUTCOMES.labels(lane, category, outcome, code)


@cache
def _post_seconds(lane: str) -> Histogram:
    return POST.labels(lane)


@cache
def _waiting_seconds(lane: str, priority: int) -> Histogram:
    return WAITING.labels(lane, priority)


@cache
def _delivery_seconds(lane: str) -> Histogram:
    return DELIVERY.labels(lane)


def count_swept(moved: Mapping[str, int]) -> None:
    """Count the rows that the sweep repaired, by rule."""
    for rule, rows in moved.items():
        SWEPT.labels(rule).inc(rows)


def count_callbacks(outcomes: Mapping[str, int]) -> None:
    """Count callbacks by outcome: delivered, failed (and retried), dead."""
    for outcome, callbacks in outcomes.items():
        CALLBACKS.labels(outcome).inc(callbacks)


def count_webhook(lane: str, outcome: str) -> None:
    WEBHOOKS.labels(lane, outcome).inc()


def count_unknown_event(about: str) -> None:
    """Count an unknown event under its name, or under `other` once there are too many names."""
    if len(_event_names) < MAX_EVENT_NAMES:
        _event_names.add(about)
    UNKNOWN_EVENTS.labels(about if about in _event_names else "other").inc()


def count_events(ends: Mapping[str, int]) -> None:
    """Count processed events by what became of them."""
    for end, events in ends.items():
        EVENTS.labels(end).inc(events)


def serve(*collectors: Collector) -> None:
    """Serve /metrics of this process if a port is set. A port in use is logged, and the worker starts without it."""
    port = settings().metrics_port
    if port is None:
        return
    for collector in collectors:
        REGISTRY.register(collector)
    try:
        start_http_server(port, settings().metrics_address)
    except OSError as error:
        log.warning("metrics port unavailable", action="metrics_failed", port=port, error=str(error))
