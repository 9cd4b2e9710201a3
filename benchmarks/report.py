"""Reports of a run: JSON, from which the documentation has its tables, and a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks.about import About
from benchmarks.figure import Figure
from benchmarks.machine import describe, warning
from harkara.version import __version__

Run = dict[str, Any]
"""A run as JSON has it."""

HEAD = ("what", "goal", "figure", "samples", "met")


def to_json(results: Mapping[str, tuple[About, Sequence[Figure]]], facts: dict[str, Any], quick: bool) -> Run:
    return {
        "harkara": __version__,
        "date": datetime.now(UTC).date().isoformat(),
        "quick": quick,
        "machine": facts,
        "warning": warning(facts),
        "benchmarks": {
            name: {
                "title": about.title,
                "method": about.method,
                "leaves_out": about.leaves_out,
                "figures": [figure.to_dict() for figure in figures],
            }
            for name, (about, figures) in results.items()
        },
    }


def table(run: Run) -> str:
    """Return all figures as lines of text."""
    rows = [HEAD, *(cells(figure) for each in run["benchmarks"].values() for figure in each["figures"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_notes(run)])


def cells(figure: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Return the cells of a table row: what, goal, figure with the range of its rounds, samples, met."""
    met = {None: "", True: "yes", False: "no"}[figure["met"]]
    return (
        figure["what"],
        with_unit(figure["goal"] or "", figure["unit"]),
        measured(figure),
        f"{figure['samples']:,}",
        met,
    )


def measured(figure: dict[str, Any]) -> str:
    """Return the value, the range of its rounds, and the unit."""
    lowest, highest = figure["lowest"], figure["highest"]
    spread = f" ({short(lowest)}–{short(highest)})" if lowest < highest else ""
    return with_unit(f"{short(figure['value'])}{spread}", figure["unit"])


def with_unit(text: str, unit: str) -> str:
    """`60/s`, but `60 ms`."""
    return text + ("" if unit.startswith("/") or not text else " ") + unit if text and unit else text


def short(number: float) -> str:
    """Format with three significant digits."""
    if number and abs(number) < 1:
        return f"{number:.3f}"
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def _notes(run: Run) -> Iterator[str]:
    yield f"Median and range of the rounds. {describe(run['machine'])}."
    if run["warning"]:
        yield run["warning"]
