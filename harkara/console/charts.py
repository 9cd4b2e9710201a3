"""Charts as shapes, in percent of the drawing; `templates/charts.html` writes them as SVG and as tables.

Percent need no script and no style, and the text stays as large as on the rest of the page at every width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import Final, NamedTuple

TOP, BOTTOM = 9.0, 88.0
"""Where the plot begins and ends; the labels of the axis are below it."""

_GAP: Final = 0.24
"""The part of a column's place that is left free."""

_LEAST: Final = 0.7
"""The height of a part that would be too small to see."""

_STEPS: Final = (1, 2, 2.5, 5, 10)
_LINES: Final = 4
_TICKS: Final = 4

Values = Sequence[float | None]


class Series(NamedTuple):
    """Values of one kind with the same color, one for each place of the axis; None where nothing is known."""

    label: str
    values: Values


class Line(NamedTuple):
    x1: float
    y1: float
    x2: float
    y2: float


class Part(NamedTuple):
    """A part of a column, a rectangle; `number` is the place of its series, from 1 on."""

    number: int
    series: str
    value: float
    x: float
    y: float
    width: float
    height: float


class StackedColumn(NamedTuple):
    label: str
    parts: Sequence[Part]


class Tick(NamedTuple):
    """A label of the axis of places."""

    x: float
    label: str
    anchor: str


class GridLine(NamedTuple):
    y: float
    value: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The shapes of a chart, and the values that its table shows.

    `labels` name the places of the axis. `limit` is the series that is drawn as a dashed line, if there is one.
    """

    labels: Sequence[str]
    series: Sequence[Series]
    limit: Series | None
    grid: Sequence[GridLine]
    ticks: Sequence[Tick]
    columns: Sequence[StackedColumn] = ()
    lines: Sequence[Line] = ()
    limit_lines: Sequence[Line] = ()

    @property
    def all_series(self) -> Sequence[Series]:
        return [*self.series, *([self.limit] if self.limit else [])]

    @property
    def is_empty(self) -> bool:
        return not any(value for series in self.series for value in series.values)


class Bar(NamedTuple):
    """A row of a bar chart or of a funnel: the length of its bar, and the value as a share of the whole."""

    label: str
    value: float
    length: float
    share: float
    link: str | None


def stacked_columns(labels: Sequence[str], series: Sequence[Series], limit: Series | None = None) -> Chart:
    """Return columns in which the series are on top of each other, the first one at the bottom."""
    totals = [sum(each.values[place] or 0 for each in series) for place in range(len(labels))]
    scale = _Scale([*totals, *_known(limit)])
    columns = [StackedColumn(label, _parts(place, series, len(labels), scale)) for place, label in enumerate(labels)]
    return Chart(
        labels,
        series,
        limit,
        scale.grid,
        _ticks(labels),
        columns=columns,
        limit_lines=_steps(limit, len(labels), scale),
    )


def line(labels: Sequence[str], series: Series, limit: Series | None = None) -> Chart:
    """Return one line from place to place; it has gaps where nothing is known."""
    scale = _Scale([*_known(series), *_known(limit)])
    width = 100 / len(labels)
    points = [
        None if value is None else (_round((place + 0.5) * width), scale.y(value))
        for place, value in enumerate(series.values)
    ]
    lines = [Line(*before, *after) for before, after in pairwise(points) if before and after]
    return Chart(
        labels, [series], limit, scale.grid, _ticks(labels), lines=lines, limit_lines=_steps(limit, len(labels), scale)
    )


def bars(rows: Sequence[tuple[str, float, str | None]]) -> list[Bar]:
    """Return a bar for each row of label, value and link; the longest one is as long as the drawing."""
    longest = max((value for _, value, _ in rows), default=0)
    whole = sum(value for _, value, _ in rows)
    return [Bar(label, value, _part(value, longest) * 100, _part(value, whole), link) for label, value, link in rows]


def funnel(rows: Sequence[tuple[str, float, str | None]]) -> list[Bar]:
    """Return a bar for each stage; the first one is the whole, of which the others are a share."""
    whole = rows[0][1] if rows else 0
    return [Bar(label, value, _part(value, whole) * 100, _part(value, whole), link) for label, value, link in rows]


class _Scale:
    """Maps values to the plot, from 0 to a round number above the largest value."""

    def __init__(self, values: Sequence[float]) -> None:
        largest = max(values, default=0) or 1
        step = _round_step(largest / _LINES)
        self.top = step * max(1, ceil(largest / step - 1e-9))
        count = round(self.top / step)
        self.grid = [GridLine(self.y(number * step), number * step) for number in range(count + 1)]

    def y(self, value: float) -> float:
        return _round(BOTTOM - self.height(value))

    def height(self, value: float) -> float:
        return (BOTTOM - TOP) * value / self.top


def _round_step(least: float) -> float:
    """Return the smallest round number that is not less; of counts, at least 1."""
    if least <= 1:
        return 1
    unit = 10.0 ** floor(log10(least))
    return float(next(each * unit for each in _STEPS if each * unit >= least))


def _parts(place: int, series: Sequence[Series], places: int, scale: _Scale) -> list[Part]:
    width = 100 / places
    x, base, found = _round((place + _GAP / 2) * width), BOTTOM, list[Part]()
    for number, each in enumerate(series, start=1):
        if value := each.values[place]:
            height = max(_LEAST, scale.height(value))
            base -= height
            found.append(Part(number, each.label, value, x, _round(base), _round(width * (1 - _GAP)), _round(height)))
    return found


def _steps(limit: Series | None, places: int, scale: _Scale) -> list[Line]:
    """Return the limit as level lines, one for each run of places with the same value."""
    if limit is None:
        return []
    width, found, start = 100 / places, list[Line](), 0
    for place in range(1, places + 1):
        if place < places and limit.values[place] == limit.values[start]:
            continue
        if (value := limit.values[start]) is not None:
            y = scale.y(value)
            found.append(Line(_round(start * width), y, _round(place * width), y))
        start = place
    return found


def _ticks(labels: Sequence[str]) -> list[Tick]:
    """Return as many labels as fit beside each other on a phone, the first one at the left end."""
    every = ceil(len(labels) / _TICKS)
    shown = range(0, len(labels), every)
    return [
        Tick(_round((place + 0.5) * 100 / len(labels)) if place else 0.0, labels[place], "middle" if place else "start")
        for place in shown
    ]


def _known(series: Series | None) -> list[float]:
    return [value for value in series.values if value is not None] if series else []


def _part(value: float, whole: float) -> float:
    return value / whole if whole else 0.0


def _round(percent: float) -> float:
    return round(percent, 2)
