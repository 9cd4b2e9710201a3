"""Prometheus metrics of goals, alarms and due messages, read from the ledger when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from harkara.errors import HarkaraError
from harkara.goals.alarm import Alarm
from harkara.ledger.alarms.record import GoalStatus

_OF_GOAL = ("goal", "lane", "subject")


class GoalCollector(Collector):
    """Collects goals, open alarms, and how due messages wait; nothing while the ledger is away.

    `oldest_due` returns seconds by lane and priority, `allowances_used` a share by lane.
    """

    def __init__(
        self,
        goals: Callable[[], Sequence[GoalStatus]],
        open_alarms: Callable[[], Sequence[Alarm]],
        oldest_due: Callable[[], Mapping[tuple[str, int], float]],
        allowances_used: Callable[[], Mapping[str, float]],
    ) -> None:
        self._goals = goals
        self._open_alarms = open_alarms
        self._oldest_due = oldest_due
        self._allowances_used = allowances_used

    def collect(self) -> Iterable[GaugeMetricFamily]:
        try:
            return [*self._read_goals(), self._read_alarms(), *self._read_due()]
        except HarkaraError:  # also a schema or a privilege that is missing
            return []

    def _read_goals(self) -> Iterator[GaugeMetricFamily]:
        value = GaugeMetricFamily("harkara_goal_value", "What was measured last for a goal", labels=_OF_GOAL)
        age = GaugeMetricFamily("harkara_goal_age_seconds", "Since a goal was measured", labels=_OF_GOAL)
        for goal in self._goals():
            labels = [goal.goal, goal.lane, goal.subject]
            age.add_metric(labels, goal.age_seconds)
            if goal.value is not None:
                value.add_metric(labels, goal.value)
        yield from (value, age)

    def _read_alarms(self) -> GaugeMetricFamily:
        found = GaugeMetricFamily("harkara_alarm_open", "1 for an alarm that is open", labels=_OF_GOAL)
        for alarm in self._open_alarms():
            found.add_metric([alarm.goal, alarm.lane or "", alarm.subject or ""], 1)
        return found

    def _read_due(self) -> Iterator[GaugeMetricFamily]:
        about = "How long the oldest due message has waited"
        oldest = GaugeMetricFamily("harkara_oldest_due_seconds", about, labels=["lane", "priority"])
        for (lane, priority), seconds in self._oldest_due().items():
            oldest.add_metric([lane, str(priority)], seconds)
        about = "Share of the allowance that the POSTs of the last window used"
        used = GaugeMetricFamily("harkara_allowance_used", about, labels=["lane"])
        for lane, share in self._allowances_used().items():
            used.add_metric([lane], share)
        yield from (oldest, used)
