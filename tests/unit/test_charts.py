"""Charts of the console: the shapes follow from the values, and stay within their drawing."""

from __future__ import annotations

import pytest

from harkara.console.charts import BOTTOM, TOP, Chart, Series, bars, funnel, line, stacked_columns

HOURS = [f"{hour} h" for hour in range(24)]


def values_of(chart: Chart) -> list[float]:
    return [each.value for each in chart.grid]


def test_the_parts_of_a_column_are_on_top_of_each_other() -> None:
    chart = stacked_columns(["a", "b"], [Series("one", [30, None]), Series("two", [10, 0])])
    (one, two), none = (column.parts for column in chart.columns)
    assert none == []
    assert (one.number, one.value, two.number, two.value) == (1, 30, 2, 10)
    assert one.y + one.height == pytest.approx(BOTTOM)
    assert two.y + two.height == pytest.approx(one.y)
    assert one.height == pytest.approx(3 * two.height, abs=0.05)
    assert two.y == pytest.approx(TOP)
    assert one.x + one.width < 50


def test_the_scale_ends_at_a_round_number_above_all_values_and_the_limit() -> None:
    assert values_of(stacked_columns(["a"], [Series("one", [0])])) == [0, 1]
    assert values_of(stacked_columns(["a"], [Series("one", [3])])) == [0, 1, 2, 3]
    assert values_of(stacked_columns(["a"], [Series("one", [47])])) == [0, 20, 40, 60]
    assert values_of(line(["a"], Series("one", [12]), Series("limit", [1200])))[-1] == 1500
    for largest in (1, 7, 99, 100, 101, 2_500, 123_456, 0.02):
        top = values_of(stacked_columns(["a"], [Series("one", [largest])]))[-1]
        assert largest <= top <= max(1, 2 * largest)


def test_a_small_part_can_be_seen_and_a_line_has_gaps_where_nothing_is_known() -> None:
    chart = stacked_columns(["a", "b"], [Series("one", [1, 100_000])])
    assert chart.columns[0].parts[0].height > 0.5
    found = line(["a", "b", "c", "d"], Series("one", [None, 1, 2, 3]))
    assert [each.x1 for each in found.lines] == [37.5, 62.5]


def test_a_limit_is_one_level_line_for_each_of_its_values() -> None:
    chart = stacked_columns(HOURS, [Series("one", [1] * 24)], Series("limit", [10] * 12 + [None] * 4 + [20] * 8))
    assert [(each.x1, each.x2, each.y1 == each.y2) for each in chart.limit_lines] == [
        (0, 50, True),
        (66.67, 100, True),
    ]
    assert [series.label for series in chart.all_series] == ["one", "limit"]


def test_few_labels_are_shown_and_every_shape_is_inside() -> None:
    chart = stacked_columns(HOURS, [Series("one", [*range(24)]), Series("two", [5] * 24)])
    assert [tick.label for tick in chart.ticks] == ["0 h", "6 h", "12 h", "18 h"]
    for column in chart.columns:
        for part in column.parts:
            assert 0 <= part.x <= part.x + part.width <= 100
            assert TOP - 1 <= part.y <= BOTTOM


def test_bars_and_funnels_are_shares_of_the_longest_and_of_the_first() -> None:
    assert [(each.length, each.share) for each in bars([("a", 30, None), ("b", 10, "/b")])] == [
        (100, 0.75),
        (pytest.approx(33.33, abs=0.01), 0.25),
    ]
    assert [each.share for each in funnel([("all", 40, None), ("some", 10, None)])] == [1, 0.25]
    assert [each.length for each in funnel([("all", 0, None)])] == [0]
    assert bars([]) == funnel([]) == []
