"""The goals as rules of Prometheus and as a dashboard of Grafana: both programs read them, and their metrics exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import REGISTRY, CollectorRegistry

import config.metrics  # noqa: F401  # it registers the metrics of a process
from config.environment import ROOT
from config.goal_metrics import GoalCollector
from config.scraped_metrics import DeploymentCollector
from harkara.goals import Goals
from harkara.goals.alarm import Alarm
from harkara.goals.grafana import render_dashboard
from harkara.goals.prometheus import render_rules
from harkara.ledger.alarms.record import GoalStatus

GOALS = Goals.load(ROOT / "config" / "goals.toml")
NOW = datetime.now(UTC)
ALARM = Alarm(
    id="alarm_1",
    goal="errors",
    lane=None,
    subject=None,
    state="open",
    sentence="9 messages failed.",
    value=9,
    limit=5,
    missed_since=NOW,
    opened_at=NOW,
    acknowledged_at=None,
    acknowledged_by=None,
    closed_at=None,
)


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(render_rules(GOALS))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(render_dashboard(GOALS))["panels"]
    return found


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is missing: on Debian, apt install prometheus")
    file = tmp_path / "harkara.rules.yml"
    file.write_text(render_rules(GOALS))
    checked = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_goal_has_a_rule_with_its_limit_and_a_panel() -> None:
    assert {rule["alert"]: rule["expr"] for rule in rules()}["HarkaraDelivered"] == (
        'min by (goal, lane, subject) (harkara_goal_value{goal="delivered"}) < 0.98'
    )
    assert len(rules()) == len(GOALS.by_name) + 2
    assert {rule["for"] for rule in rules()} == {"120s"}
    titles = {panel["title"] for panel in panels()}
    assert {f"Goal: {name}" for name in GOALS.by_name} <= titles


def test_the_model_of_grafana_knows_every_field_of_the_dashboard() -> None:
    register_default_plugins()
    rendered = json.loads(render_dashboard(GOALS))
    understood = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(rendered)))
    assert lost(rendered, understood) == []


def test_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in panels()]
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_each_query_reads_metrics_that_exist() -> None:
    queries = [rule["expr"] for rule in rules()]
    queries += [target["expr"] for panel in panels() for target in panel["targets"]]
    read = {name for query in queries for name in re.findall(r"harkara_\w+", query)}
    assert read
    assert read - exported() == set()


def exported() -> set[str]:
    """Return the names of the metrics of a worker, with those of histograms' buckets."""
    registry = CollectorRegistry()
    registry.register(DeploymentCollector(dict, dict, dict, lambda: 1.0, dict, dict, dict))
    goal = GoalStatus("errors", "default", "", 9, 5, True, "", "", 12.0)
    registry.register(GoalCollector(lambda: [goal], lambda: [ALARM], lambda: {("default", 2): 7.0}, lambda: {"n": 0.5}))
    families = [*REGISTRY.collect(), *registry.collect()]
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {family.name + suffix for family in families for suffix in suffixes.get(family.type, ("",))}


def lost(given: Any, understood: Any, where: str = "") -> list[str]:
    """Return where something of `given` is missing or different."""
    if isinstance(given, dict):
        return [each for key, value in given.items() for each in lost(value, _get(understood, key), f"{where}.{key}")]
    if isinstance(given, list):
        return [
            each
            for index, value in enumerate(given)
            for each in lost(value, _get(understood, index), f"{where}.{index}")
        ]
    return [] if given == understood else [f"{where}: {given!r} became {understood!r}"]


def _get(found: Any, key: Any) -> Any:
    try:
        return found[key]
    except (KeyError, IndexError, TypeError):
        return None
