"""Reports of the figures: a table for a terminal, one for the README, or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.figure import Figure
from benchmarks.machine import describe, warning

HEAD = ("what", "goal", "figure", "÷ goal", "met")

Results = Mapping[str, Sequence[Figure]]


def table(results: Results, facts: dict[str, Any]) -> str:
    rows = [HEAD, *(figure.cells() for figure in _figures(results))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_notes(facts)])


def markdown(results: Results, facts: dict[str, Any]) -> str:
    rows = [HEAD, ("---",) * len(HEAD), *(figure.cells() for figure in _figures(results))]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", *_notes(facts)])


def to_json(results: Results, facts: dict[str, Any], *, quick: bool) -> dict[str, Any]:
    return {
        "machine": facts,
        "quick": quick,
        "warning": warning(facts),
        "benchmarks": {name: [figure.to_dict() for figure in figures] for name, figures in results.items()},
    }


def _notes(facts: dict[str, Any]) -> Iterable[str]:
    yield f"Median and range of the rounds. {describe(facts)}."
    if found := warning(facts):
        yield found


def _figures(results: Results) -> Iterable[Figure]:
    return (figure for figures in results.values() for figure in figures)
