"""The tables of figures in the documents are those of the last full run, and each figure says what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.about import About
from benchmarks.figure import ENOUGH, Figure, Target, at_least, at_most, percentiles
from benchmarks.report import Run, to_json
from docs import figures
from docs.figures import ROOT
from docs.render import WITH_FIGURES

MACHINE = {
    "cpu": "a small machine",
    "cores": 2,
    "python": "3.11.7",
    "database": "PostgreSQL 15.1, fsync on",
    "redis": "Valkey 9.1.0",
    "libraries": {"celery": "5.7.0"},
    "load": 0.1,
}
ABOUT = About("A backlog", "Two workers send. They do it thrice.", "the network.")
FOUND = [Figure("against a rival", "×", [2.0, 4.0, 3.0], at_least(5)), Figure("sent", "/s", [1234.5])]

PAGE = "before\n<!-- figures, by python -m docs.render -->\nold\n<!-- end of figures -->\nafter\n"
RENDERED = """\
before
<!-- figures, by python -m docs.render -->

The last full run: DATE, Harkara 0.1.0.
The machine: a small machine, 2 cores, load 0.1 at the start; Python 3.11.7; PostgreSQL 15.1, fsync on; Valkey 9.1.0; \
celery 5.7.0.

## A backlog

Two workers send.
They do it thrice.
Left out: the network.

| what | goal | figure | samples | |
| --- | --- | --- | --- | --- |
| against a rival | ≥ 5 × | 3 (2–4) × | 3 | missed |
| sent |  | 1,234/s | 1 |  |

<!-- end of figures -->
after
"""


@pytest.mark.parametrize("file", WITH_FIGURES)
def test_a_document_shows_the_figures_of_the_last_run(file: str) -> None:
    written = (ROOT / file).read_text("utf-8")
    assert WITH_FIGURES[file](written, figures.load()) == written, "run python -m docs.render"


def test_the_last_run_was_one_of_every_benchmark() -> None:
    run = figures.load()
    assert run["benchmarks"].keys() == BENCHMARKS.keys(), "run make bench"
    assert run["quick"] is False, "run make bench"
    assert figures.README_ROWS.keys() <= figures.named(run).keys(), "the README has no figure of that name"
    assert all(any(figure["goal"] for figure in each["figures"]) for each in run["benchmarks"].values())


def test_each_figure_of_the_last_run_has_a_unit_samples_and_what_it_leaves_out() -> None:
    for benchmark in figures.load()["benchmarks"].values():
        assert benchmark["title"]
        assert benchmark["method"].endswith(".")
        assert benchmark["leaves_out"].endswith(".")
        for figure in benchmark["figures"]:
            assert figure["samples"] >= (ENOUGH if "p99" in figure["what"] else 1)
            assert (
                figure["unit"] or figure["value"] <= 1 or float(figure["value"]).is_integer() or "per" in figure["what"]
            )
            assert (figure["goal"] is None) == (figure["met"] is None)


def test_a_page_is_rendered_from_a_run() -> None:
    run = small_run()
    assert figures.page(PAGE, run) == RENDERED.replace("DATE", run["date"])
    assert figures.page(RENDERED, run) == figures.page(PAGE, run)


def test_a_quick_run_and_a_busy_machine_are_named() -> None:
    page = figures.page(PAGE, small_run(quick=True, load=7.0))
    assert "The last quick run, which only shows that the benchmarks work" in page
    assert "The load average was 7 on 2 cores" in page


def test_a_document_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="found 0 times"):
        figures.page("no marks\n", small_run())


@pytest.mark.parametrize(("goal", "met"), [(at_least(3), True), (at_least(4), False), (at_most(3), True)])
def test_the_median_of_the_rounds_is_compared_with_the_goal(goal: Target, met: bool) -> None:
    assert Figure("a ratio", "×", [1, 3, 9], goal).met is met


def test_a_99th_percentile_needs_a_thousand_samples() -> None:
    middle, p99 = percentiles("one message", [0.1] * 999 + [2.0], p50=90, p99=150)
    assert (middle.value, middle.met, middle.samples) == (100, False, 1000)
    assert (p99.what, p99.met, p99.samples) == ("one message, p99", True, 1000)
    assert p99.value == pytest.approx(100)


def test_of_fewer_samples_the_highest_is_given_without_a_goal() -> None:
    _, highest = percentiles("one message", [0.1] * 998 + [2.0], p50=None, p99=150)
    assert (highest.what, highest.value, highest.met) == ("one message, highest", 2000, None)


def small_run(*, quick: bool = False, load: float = 0.1) -> Run:
    run: dict[str, Any] = json.loads(json.dumps(to_json({"send": (ABOUT, FOUND)}, MACHINE | {"load": load}, quick)))
    return run
