"""Prometheus metrics that are read from Redis and the ledger when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from harkara.errors import HarkaraError


class DeploymentCollector(Collector):
    """Collects queue depths, messages that are not done, halted lanes and ages.

    It omits the metrics of a service that does not answer.
    """

    def __init__(
        self,
        queues: Callable[[], dict[str, int]],
        messages: Callable[[], dict[str, dict[str, int]]],
        callbacks: Callable[[], dict[str, int]],
        heartbeat: Callable[[], float | None],
        silences: Callable[[], dict[str, float]],
        dead_letters: Callable[[], dict[str, int]],
        halted_lanes: Callable[[], dict[str, str]],
    ) -> None:
        self._queues = queues
        self._messages = messages
        self._callbacks = callbacks
        self._heartbeat = heartbeat
        self._silences = silences
        self._dead_letters = dead_letters
        self._halted_lanes = halted_lanes

    def collect(self) -> Iterable[GaugeMetricFamily]:
        up = GaugeMetricFamily("harkara_service_up", "Whether the worker reaches the service", labels=["service"])
        for service, read in (("redis", self._read_redis), ("database", self._read_database)):
            try:
                found = list(read())
            except HarkaraError:  # also a schema or a privilege that is missing
                found = []
            up.add_metric([service], bool(found))
            yield from found
        yield up

    def _read_redis(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge("queue_depth", "Entries in a queue or in the intake", "queue", self._queues())

    def _read_database(self) -> Iterator[GaugeMetricFamily]:
        rows = GaugeMetricFamily("harkara_messages", "Messages that are not done, by state", labels=["lane", "state"])
        for lane, states in self._messages().items():
            for state, number in states.items():
                rows.add_metric([lane, state], number)
        yield rows
        yield _gauge("callbacks_left", "Callbacks that wait or are dead", "state", self._callbacks())
        yield _gauge("dead_letters", "Entries that could not be applied", "source", self._dead_letters())
        silence = "Since the first message that no webhook has followed"
        yield _gauge("webhook_silence_seconds", silence, "lane", self._silences())
        halted = GaugeMetricFamily("harkara_lane_halted", "1 for a lane that sends nothing", labels=["lane", "code"])
        for lane, code in self._halted_lanes().items():
            halted.add_metric([lane, code], 1)
        yield halted
        yield self._heartbeat_age()

    def _heartbeat_age(self) -> GaugeMetricFamily:
        about = "Since beat's heartbeat task last wrote to the database, through Redis and a worker"
        age = GaugeMetricFamily("harkara_heartbeat_age_seconds", about)
        if (seconds := self._heartbeat()) is not None:
            age.add_metric([], seconds)
        return age


def _gauge(name: str, about: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"harkara_{name}", about, labels=[label])
    for value, number in values.items():
        gauge.add_metric([value], number)
    return gauge
