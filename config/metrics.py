"""Prometheus metrics of a worker: what became of messages, how long a POST takes, how deep the queues are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import structlog
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from config.settings import settings
from harkara.errors import Unavailable
from harkara.ledger.claim import Claimed
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


class Depths(Collector):
    """Reads queues and ledger when Prometheus asks."""

    def __init__(
        self,
        queues: Callable[[], dict[str, int]],
        messages: Callable[[], dict[str, dict[str, int]]],
        callbacks: Callable[[], dict[str, int]],
        heartbeat: Callable[[], float | None],
    ) -> None:
        self._queues = queues
        self._messages = messages
        self._callbacks = callbacks
        self._heartbeat = heartbeat

    def collect(self) -> Iterable[GaugeMetricFamily]:
        up = GaugeMetricFamily("harkara_service_up", "Whether the worker reaches the service", labels=["service"])
        depth = GaugeMetricFamily("harkara_queue_depth", "Entries in a queue or in the intake", labels=["queue"])
        rows = GaugeMetricFamily("harkara_messages", "Messages by state", labels=["lane", "state"])
        untold = GaugeMetricFamily("harkara_callbacks_left", "Callbacks that wait or are dead", labels=["state"])
        silence = GaugeMetricFamily("harkara_heartbeat_age_seconds", "Since beat, Redis, a worker and the database met")
        try:
            for queue, length in self._queues().items():
                depth.add_metric([queue], length)
            up.add_metric(["redis"], 1)
        except Unavailable:
            up.add_metric(["redis"], 0)
        try:
            for lane, states in self._messages().items():
                for state, number in states.items():
                    rows.add_metric([lane, state], number)
            for state, number in self._callbacks().items():
                untold.add_metric([state], number)
            if (seconds := self._heartbeat()) is not None:
                silence.add_metric([], seconds)
            up.add_metric(["database"], 1)
        except Unavailable:
            up.add_metric(["database"], 0)
        return (up, depth, rows, untold, silence)


def serve(depths: Depths) -> None:
    """Opens /metrics of this process when a port is set; a port that is taken is said, and costs no worker."""
    port = settings().harkara_metrics_port
    if port is None:
        return
    REGISTRY.register(depths)
    try:
        start_http_server(port, settings().harkara_metrics_address)
    except OSError as error:
        log.warning("no metrics: the port is taken", action="metrics_failed", port=port, error=str(error))
