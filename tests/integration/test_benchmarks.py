"""The benchmarks in a quick run: they work, and report in the promised format."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.python import run_module


@pytest.mark.usefixtures("postgres_server")  # the benchmarks need a PostgreSQL too
def test_a_quick_run_gives_every_figure_with_its_goal_and_whether_it_is_met(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = _benchmarks("accept", "lateness", "--quick", "--json", str(file))
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert found["quick"] is True
    assert found["machine"].keys() == {"cpu", "cores", "python", "database", "redis", "libraries", "load"}
    assert found["machine"]["database"].endswith("fsync on")
    assert found["benchmarks"].keys() == {"accept", "lateness"}
    for benchmark in found["benchmarks"].values():
        assert benchmark.keys() == {"title", "method", "leaves_out", "figures"}
        for figure in benchmark["figures"]:
            assert figure.keys() == {"what", "unit", "value", "lowest", "highest", "samples", "goal", "met"}
            assert 0 < figure["lowest"] <= figure["value"] <= figure["highest"]
            assert figure["what"] in done.stdout


def test_an_unknown_name_is_answered_with_the_known_benchmarks() -> None:
    done = _benchmarks("sendd", "--quick")
    assert done.returncode == 2
    assert "sendd; choose from send, latency" in done.stderr


def _benchmarks(*words: str) -> subprocess.CompletedProcess[str]:
    return run_module(["benchmarks", *words], os.environ, seconds=110)
