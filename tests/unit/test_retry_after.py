"""Retry-After: seconds, or a date by the clock of the server that names it."""

from __future__ import annotations

import pytest

from harkara.answers import seconds_to_wait

NOON = "Sat, 28 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-7"}, None),
        ({"Retry-After": NOON, "Date": "Sat, 28 Nov 2026 11:59:30 GMT"}, 30.0),
        ({"Retry-After": NOON, "Date": "Sat, 28 Nov 2026 12:00:30 GMT"}, 0.0),
        ({"Retry-After": NOON, "Date": "Sat, 28 Nov 2026 17:29:00 +0530"}, 60.0),
        ({"Retry-After": "Sat, 28 Nov 2026 12:00:00 -0000", "Date": "Sat, 28 Nov 2026 11:59:00 GMT"}, 60.0),
        ({"Retry-After": "Wed, 28 Nov 2040 12:00:00 GMT", "Date": NOON}, 86_400.0),
    ],
)
def test_seconds_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_to_wait(headers) == seconds


def test_without_a_date_this_hosts_clock_must_do() -> None:
    assert seconds_to_wait({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT", "Date": "today"}) == 0.0
