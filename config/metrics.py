"""Prometheus metrics of a worker: what became of messages, how long a POST takes, how deep the queues are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import structlog
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from config.settings import settings
from harkara.errors import Unavailable
from harkara.ledger.messages.claim import Claimed
from harkara.outcomes import Outcome

log = structlog.get_logger(__name__)

OUTCOMES = Counter("harkara_outcomes_total", "Outcomes of POSTs", ("lane", "category", "outcome", "code"))
POST = Histogram(
    "harkara_post_seconds",
    "From the POST to the durable record of its outcome",
    ("lane",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
FINDINGS = Gauge("harkara_audit_findings", "Rules that the last audit of this worker found broken")
SWEPT = Counter("harkara_swept_total", "Rows that the sweep moved", ("duty",))
TOLD = Counter("harkara_callbacks_total", "Callbacks to the application by what became of them", ("outcome",))
REJECTED = Counter("harkara_intake_rejected_total", "Entries of the intake that were no message")
WEBHOOKS = Counter("harkara_webhooks_total", "Webhooks that came to the door", ("lane", "outcome"))
UNKNOWN = Counter("harkara_unknown_events_total", "Events of webhooks that this release does not know", ("about",))
EVENTS = Counter("harkara_events_total", "Events that were folded, are orphans, or wait for their message", ("end",))

MOST_NAMES = 50
_names: set[str] = set()


def observe(claimed: Claimed, outcome: Outcome, seconds: float) -> None:
    """Counts one POST; labels are few and never personal."""
    code = getattr(outcome, "code", None) or "-"
    OUTCOMES.labels(claimed.lane, claimed.category, type(outcome).__name__.lower(), code).inc()
    POST.labels(claimed.lane).observe(seconds)


def swept(moved: Mapping[str, int]) -> None:
    """Counts what the sweep put right."""
    for duty, rows in moved.items():
        SWEPT.labels(duty).inc(rows)


def told(outcomes: Mapping[str, int]) -> None:
    """Counts what became of callbacks: delivered, failed (and tried again), dead."""
    for outcome, callbacks in outcomes.items():
        TOLD.labels(outcome).inc(callbacks)


def webhook(lane: str, outcome: str) -> None:
    """Counts one webhook."""
    WEBHOOKS.labels(lane, outcome).inc()


def puzzled(about: str) -> None:
    """Counts an event that nobody knows; of the first few names by name."""
    if len(_names) < MOST_NAMES:
        _names.add(about)
    UNKNOWN.labels(about if about in _names else "other").inc()


def folded(done: Mapping[str, int]) -> None:
    """Counts what became of events."""
    for end, events in done.items():
        EVENTS.labels(end).inc(events)


class Depths(Collector):
    """Reads queues and ledger when Prometheus asks."""

    def __init__(
        self,
        queues: Callable[[], dict[str, int]],
        messages: Callable[[], dict[str, dict[str, int]]],
        callbacks: Callable[[], dict[str, int]],
        heartbeat: Callable[[], float | None],
        silences: Callable[[], dict[str, float]],
    ) -> None:
        self._queues = queues
        self._messages = messages
        self._callbacks = callbacks
        self._heartbeat = heartbeat
        self._silences = silences

    def collect(self) -> Iterable[GaugeMetricFamily]:
        up = GaugeMetricFamily("harkara_service_up", "Whether the worker reaches the service", labels=["service"])
        for service, look in (("redis", self._in_redis), ("database", self._in_database)):
            try:
                found = list(look())
            except Unavailable:
                found = []
            up.add_metric([service], bool(found))
            yield from found
        yield up

    def _in_redis(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge("queue_depth", "Entries in a queue or in the intake", "queue", self._queues())

    def _in_database(self) -> Iterator[GaugeMetricFamily]:
        rows = GaugeMetricFamily("harkara_messages", "Messages by state", labels=["lane", "state"])
        for lane, states in self._messages().items():
            for state, number in states.items():
                rows.add_metric([lane, state], number)
        yield rows
        yield _gauge("callbacks_left", "Callbacks that wait or are dead", "state", self._callbacks())
        told = "Since the first message that no webhook has followed"
        yield _gauge("webhook_silence_seconds", told, "lane", self._silences())
        silence = GaugeMetricFamily("harkara_heartbeat_age_seconds", "Since beat, Redis, a worker and the database met")
        if (seconds := self._heartbeat()) is not None:
            silence.add_metric([], seconds)
        yield silence


def _gauge(name: str, told: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"harkara_{name}", told, labels=[label])
    for value, number in values.items():
        gauge.add_metric([value], number)
    return gauge


def serve(depths: Depths) -> None:
    """Opens /metrics of this process when a port is set; a port that is taken is said, and costs no worker."""
    port = settings().metrics_port
    if port is None:
        return
    REGISTRY.register(depths)
    try:
        start_http_server(port, settings().metrics_address)
    except OSError as error:
        log.warning("no metrics: the port is taken", action="metrics_failed", port=port, error=str(error))
