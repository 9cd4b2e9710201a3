"""The benchmarks at a tenth of their size: they run, and report in the promised format."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figure import Figure, Goal, at_least, at_most, percentile_99
from harness.process import ROOT


@pytest.mark.usefixtures("postgres_server")  # the benchmarks need a PostgreSQL too
def test_a_quick_run_gives_every_figure_with_its_goal_and_whether_it_is_met(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = _benchmarks("accept", "lateness", "webhooks", "--quick", "--markdown", "--json", str(file))
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert found["quick"] is True
    assert found["machine"].keys() == {"cpu", "cores", "python", "database", "redis", "libraries", "load"}
    assert found["machine"]["database"].endswith("fsync on")
    assert found["benchmarks"].keys() == {"accept", "lateness", "webhooks"}
    for figure in (figure for figures in found["benchmarks"].values() for figure in figures):
        assert figure.keys() == {"what", "unit", "value", "lowest", "highest", "goal", "ratio", "met"}
        assert 0 < figure["lowest"] <= figure["value"] <= figure["highest"]
        assert (figure["goal"] is None) == (figure["met"] is None)
        assert f"| {figure['what']} |" in done.stdout


def test_an_unknown_name_is_answered_with_the_known_benchmarks() -> None:
    done = _benchmarks("sendd", "--quick")
    assert done.returncode == 2
    assert "sendd; choose from send, limit" in done.stderr


@pytest.mark.parametrize(("goal", "met"), [(at_least(3), True), (at_least(4), False), (at_most(3), True)])
def test_the_median_of_the_rounds_is_compared_with_the_goal(goal: Goal, met: bool) -> None:
    assert Figure("a ratio", "×", [1, 3, 9], goal).met is met


def test_the_99th_percentile_of_few_values_is_their_maximum() -> None:
    assert percentile_99([0.1] * 40 + [2.0]) == 2.0
    assert percentile_99([0.1] * 999 + [2.0]) == pytest.approx(0.1)


def _benchmarks(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "benchmarks", *words], cwd=ROOT, capture_output=True, text=True)
