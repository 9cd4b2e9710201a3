"""The 24-hour window opens and shuts to the microsecond."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.inbound.window import WindowState, window_state
from tests.unit.chatmitra.samples import NOW

DAY = timedelta(hours=24)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (timedelta(), WindowState("open", 86_400)),
        (timedelta(hours=23), WindowState("open", 3_600)),
        (DAY - MICROSECOND, WindowState("open", 1e-6)),
        (DAY, WindowState("shut", 0)),
        (DAY + MICROSECOND, WindowState("shut", 0)),
        (timedelta(days=400), WindowState("shut", 0)),
        (-timedelta(minutes=5), WindowState("open", 86_400)),
    ],
)
def test_the_window_is_open_for_exactly_24_hours(since: timedelta, expected: WindowState) -> None:
    assert window_state(NOW - since, NOW) == expected


def test_without_a_message_the_window_is_unknown() -> None:
    assert window_state(None, NOW) == WindowState("unknown", 0)


def test_the_24_hours_are_elapsed_hours_when_the_clock_changes() -> None:
    """In Berlin the night before 29 March 2026 is one hour shorter."""
    wrote = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(ZoneInfo("UTC"))
    assert window_state(wrote, datetime(2026, 3, 29, 12, 59, tzinfo=ZoneInfo("Europe/Berlin"))).window == "open"
    assert window_state(wrote, datetime(2026, 3, 29, 13, tzinfo=ZoneInfo("Europe/Berlin"))).window == "shut"


@given(st.timedeltas(timedelta(days=-2), timedelta(days=4)))
def test_the_window_is_open_exactly_while_seconds_are_left(since: timedelta) -> None:
    found = window_state(NOW - since, NOW)
    assert (found.window == "open") == (found.seconds_left > 0)
    assert 0 <= found.seconds_left <= 86_400
