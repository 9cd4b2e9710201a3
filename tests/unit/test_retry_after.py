"""Retry-After: seconds, or a date by the clock of the server that names it."""

from __future__ import annotations

import pytest

from harkara.answers import seconds_to_wait

NOON = "Sat, 28 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-7"}, None),
        ({"retry-after": NOON, "date": "Sat, 28 Nov 2026 11:59:30 GMT"}, 30.0),
        ({"retry-after": NOON, "date": "Sat, 28 Nov 2026 12:00:30 GMT"}, 0.0),
        ({"retry-after": NOON, "date": "Sat, 28 Nov 2026 17:29:00 +0530"}, 60.0),
        ({"retry-after": "Sat, 28 Nov 2026 12:00:00 -0000", "date": "Sat, 28 Nov 2026 11:59:00 GMT"}, 60.0),
        ({"retry-after": "Wed, 28 Nov 2040 12:00:00 GMT", "date": NOON}, 86_400.0),
    ],
)
def test_seconds_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_to_wait(headers) == seconds


def test_without_a_date_this_hosts_clock_must_do() -> None:
    assert seconds_to_wait({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT", "date": "today"}) == 0.0
