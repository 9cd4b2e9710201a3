"""The goals as alert rules for Prometheus, in the form of its rule files (Prometheus docs, Alerting rules)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from harkara.goals.goal import Goal
from harkara.goals.goals import Goals

_NOT_MEASURED_SECONDS: Final = 300


class _Rule(NamedTuple):
    alert: str
    query: str
    open_seconds: float
    close_seconds: float
    summary: str
    description: str


def render_rules(goals: Goals) -> str:
    """Return the rule file as YAML. `keep_firing_for` needs Prometheus 2.42."""
    lines = [
        "# Made by `harkara goals export prometheus` from config/goals.toml: change that file and export again.",
        "groups:",
        "  - name: harkara",
        "    rules:",
    ]
    for rule in [*_of_goals(goals), *_OF_THE_MEASUREMENT]:
        lines += [
            f"      - alert: {rule.alert}",
            f"        expr: {json.dumps(rule.query)}",
            f"        for: {rule.open_seconds:.0f}s",
            f"        keep_firing_for: {rule.close_seconds:.0f}s",
            "        annotations:",
            f"          summary: {json.dumps(rule.summary)}",
            f"          description: {json.dumps(rule.description)}",
        ]
    return "\n".join(lines) + "\n"


def goal_query(goal: Goal) -> str:
    """Return what was measured for the goal; of several workers, which all read the ledger, one answer."""
    worst = "min" if goal.at_least else "max"
    return f'{worst} by (goal, lane, subject) (harkara_goal_value{{goal="{goal.name}"}})'


def _of_goals(goals: Goals) -> Iterator[_Rule]:
    for name, goal in goals.by_name.items():
        most = "least" if goal.at_least else "most"
        yield _Rule(
            "Harkara" + name.title().replace("-", ""),
            f"{goal_query(goal)} {'<' if goal.at_least else '>'} {goal.limit:g}",
            goals.open_after.total_seconds(),
            goals.close_after.total_seconds(),
            f"{name} is {{{{ $value | humanize }}}}; the goal is at {most} {goal.limit:g}.",
            goal.next_step,
        )


_OF_THE_MEASUREMENT: Final = (
    _Rule(
        "HarkaraNotMeasured",
        f"absent(harkara_goal_age_seconds) or min(harkara_goal_age_seconds) > {_NOT_MEASURED_SECONDS}",
        120,
        60,
        "No worker has measured the goals for five minutes.",
        "`harkara doctor` shows whether workers run; without them nothing is sent.",
    ),
    _Rule(
        "HarkaraServiceAway",
        "max by (service) (harkara_service_up) == 0",
        120,
        60,
        "No worker reaches {{ $labels.service }}.",
        "Restore the service; meanwhile no message is lost and none is sent.",
    ),
)
"""Without a measurement no other rule fires."""
