"""Render the tables of figures from `docs/figures.json`, the last run of the benchmarks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.report import Run, measured, with_unit

ROOT = Path(__file__).resolve().parent.parent

RUN = ROOT / "docs" / "figures.json"

MARKED = re.compile(r"(?<=<!-- figures, by python -m docs\.render -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)
"""The part of a document that is written here."""

README_ROWS = {
    ("send", "against one Celery task per message"): "messages sent and recorded, against one Celery task per message",
    ("send", "against taskiq"): "the same, against taskiq",
    ("send", "against dramatiq"): "the same, against dramatiq",
    ("send", "against bare threads with requests, no queue"): "the same, against bare threads without a queue",
    ("send", "CPU of all parts for 1,000 messages"): "CPU of all parts for 1,000 messages",
    ("send", "memory of 2 workers"): "memory of 2 workers",
    ("latency", "client of Redis alone, p50"): "from the call to the POST, through Redis, p50",
    ("latency", "client of Redis alone, p99"): "the same, p99",
    ("accept", "HTTP API, PostgreSQL, 16 clients"): "messages accepted by the HTTP API from 16 clients",
    ("accept", "PostgreSQL with hints, in bulk of 500"): "messages accepted in bulk",
    ("limit", "80/s, 2 workers: share of the limit used"): "share that is used of a limit of 80/s",
    ("recovery", "all settled after"): "`kill -9` of every worker: all messages settled after",
    ("recovery", "lost"): "the same: lost",
    ("recovery", "sent twice"): "the same: sent twice",
}
"""The figures that the README shows, by benchmark and name, and what it calls them."""


def load() -> Run:
    run: Run = json.loads(RUN.read_text("utf-8"))
    return run


def named(run: Run) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the figures of a run by their benchmark and name."""
    return {(name, figure["what"]): figure for name, each in run["benchmarks"].items() for figure in each["figures"]}


def page(text: str, run: Run) -> str:
    """Return the page of figures with all tables of this run."""
    sections = (line for each in run["benchmarks"].values() for line in _section(each))
    return _replace(text, ["", *_origin(run), *sections, ""])


def readme(text: str, run: Run) -> str:
    """Return the README with its table of this run, without what the run has not measured."""
    figures = named(run)
    rows = [figures[key] | {"what": what} for key, what in README_ROWS.items() if key in figures]
    return _replace(text, ["", f"The last {_kind(run)}:", *_warning(run), "", *_table(rows), ""])


def _origin(run: Run) -> Iterator[str]:
    yield f"The last {_kind(run)}: {run['date']}, Harkara {run['harkara']}."
    yield f"The machine: {describe(run['machine'])}."
    yield from _warning(run)


def _warning(run: Run) -> list[str]:
    """Return why the figures compare, but measure nothing absolute; nothing on an idle machine."""
    return [run["warning"]] if run["warning"] else []


def _kind(run: Run) -> str:
    return "quick run, which only shows that the benchmarks work" if run["quick"] else "full run"


def _section(benchmark: dict[str, Any]) -> Iterator[str]:
    yield from ("", f"## {benchmark['title']}", "")
    yield from _sentences(benchmark["method"])
    yield f"Left out: {benchmark['leaves_out']}"
    yield ""
    yield from _table(benchmark["figures"], samples=True)


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=\.) (?=[A-Z`])", text)


def _table(figures: Iterable[dict[str, Any]], *, samples: bool = False) -> Iterator[str]:
    yield f"| what | goal | figure |{' samples |' if samples else ''} |"
    yield f"| --- | --- | --- |{' --- |' if samples else ''} --- |"
    for figure in figures:
        goal, met = with_unit(figure["goal"] or "", figure["unit"]), {None: "", True: "met", False: "missed"}
        cells = [figure["what"], goal, measured(figure), *([f"{figure['samples']:,}"] if samples else [])]
        yield f"| {' | '.join((*cells, met[figure['met']]))} |"


def _replace(text: str, lines: Iterable[str]) -> str:
    """Raises ValueError for a text without the two marks."""
    written, number = MARKED.subn(lambda _: "\n".join((*lines, "")), text)
    if number != 1:
        raise ValueError(f"the marks of the figures: found {number} times, expected once")
    return written
