"""A dashboard for Grafana: the goals with their limits, and what else shows how messages flow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from harkara.goals.goal import Goal
from harkara.goals.goals import Goals
from harkara.goals.prometheus import goal_query

SCHEMA_VERSION: Final = 39
"""Of Grafana 11; a newer Grafana migrates it when it loads the dashboard."""

_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 24
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}


class _Panel(NamedTuple):
    title: str
    unit: str
    queries: dict[str, str]
    """Each query by the legend of its lines."""
    limit: float | None = None
    at_least: bool = False
    description: str = ""


def render_dashboard(goals: Goals) -> str:
    """Return the dashboard as JSON, to be imported into Grafana; it asks for the Prometheus to read."""
    panels = [*map(_of_goal, goals.by_name.values()), *_FLOW]
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    dashboard = {
        "uid": "harkara",
        "title": "Harkara",
        "tags": ["harkara"],
        "timezone": "browser",
        "editable": True,
        "schemaVersion": SCHEMA_VERSION,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": [_rendered(number, panel) for number, panel in enumerate(panels)],
    }
    return json.dumps(dashboard, indent=2)


def _of_goal(goal: Goal) -> _Panel:
    queries = {"{{lane}} {{subject}}": goal_query(goal)}
    return _Panel(f"Goal: {goal.name}", goal.unit, queries, goal.limit, goal.at_least, goal.next_step)


_PERCENTILES: Final = ("0.5", "0.95", "0.99")


def _percentiles(metric: str, *labels: str) -> dict[str, str]:
    by = ", ".join(("le", *labels))
    shown = " ".join(f"{{{{{label}}}}}" for label in labels)
    return {
        f"p{100 * float(p):g} {shown}": f"histogram_quantile({p}, sum by ({by}) (rate({metric}_bucket[5m])))"
        for p in _PERCENTILES
    }


_FLOW: Final = (
    _Panel(
        "Open alarms", "short", {"{{goal}} {{lane}} {{subject}}": "max by (goal, lane, subject) (harkara_alarm_open)"}
    ),
    _Panel(
        "POSTs a minute by outcome",
        "short",
        {"{{lane}} {{outcome}}": "60 * sum by (lane, outcome) (rate(harkara_outcomes_total[5m]))"},
    ),
    _Panel("Allowance used", "percentunit", {"{{lane}}": "max by (lane) (harkara_allowance_used)"}),
    _Panel(
        "Oldest due message",
        "s",
        {"{{lane}} priority {{priority}}": "max by (lane, priority) (harkara_oldest_due_seconds)"},
    ),
    _Panel("Waiting time by priority", "s", _percentiles("harkara_waiting_seconds", "lane", "priority")),
    _Panel("Accepted to delivered", "s", _percentiles("harkara_delivery_seconds", "lane")),
    _Panel("Chat Mitra's answers", "s", _percentiles("harkara_post_seconds", "lane")),
    _Panel("Messages that are not done", "short", {"{{lane}} {{state}}": "max by (lane, state) (harkara_messages)"}),
    _Panel("Queues", "short", {"{{queue}}": "max by (queue) (harkara_queue_depth)"}),
    _Panel("Callbacks left", "short", {"{{state}}": "max by (state) (harkara_callbacks_left)"}),
    _Panel(
        "Webhooks a minute",
        "short",
        {"{{lane}} {{outcome}}": "60 * sum by (lane, outcome) (rate(harkara_webhooks_total[5m]))"},
    ),
)


def _rendered(number: int, panel: _Panel) -> dict[str, Any]:
    per_row = _COLUMNS // _WIDTH
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": {"x": number % per_row * _WIDTH, "y": number // per_row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "targets": list(_targets(panel)),
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, **_limit_line(panel)}, "overrides": []},
    }


def _targets(panel: _Panel) -> Iterator[dict[str, Any]]:
    for letter, (legend, query) in zip("ABCDEF", panel.queries.items(), strict=False):
        yield {"refId": letter, "datasource": _SOURCE, "expr": query, "legendFormat": legend.strip()}


def _limit_line(panel: _Panel) -> dict[str, Any]:
    if panel.limit is None:
        return {}
    above, below = ("green", "red") if panel.at_least else ("red", "green")
    steps = [{"value": None, "color": below}, {"value": panel.limit, "color": above}]
    return {
        "thresholds": {"mode": "absolute", "steps": steps},
        "custom": {"thresholdsStyle": {"mode": "line"}},
    }
