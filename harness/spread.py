"""How the tests are spread over the processes of pytest-xdist: what mostly waits runs beside what mostly computes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling

WAITING = "tests/acceptance/"
"""Tests that wait for leases, delays and starts most of the time, each with a deployment of its own."""

_SHARING = ("chatmitra_faults", "connections", "docs", "inbound", "lanes", "make_up", "rolling_release")
SHARED = frozenset(f"{WAITING}test_{name}.py" for name in _SHARING)
"""Their files whose tests share a deployment, or what takes as long to set up."""

START = 0.75
"""The part of a run in which tests that wait begin; later each process would wait for its last one."""


class Spread(LoadScopeScheduling):  # type: ignore[misc]  # its package has no types
    """Gives a process a whole file, whose fixtures are then set up once, or one test that waits."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def unit(nodeid: str) -> str:
    """Return the name of the tests that one process runs together with this one."""
    file = nodeid.partition("::")[0]
    return nodeid if file.startswith(WAITING) and file not in SHARED else file


def mixed(units: Iterable[str]) -> Sequence[str]:
    """Return each unit once, with those that wait spread evenly between the others."""
    known = list(dict.fromkeys(units))
    waiting = [each for each in known if each.startswith(WAITING)]
    computing = [each for each in known if not each.startswith(WAITING)]
    places = {each: START * place / len(waiting) for place, each in enumerate(waiting)}
    places |= {each: place / len(computing) for place, each in enumerate(computing)}
    return sorted(known, key=places.__getitem__)


def mix(items: list[pytest.Item]) -> None:
    """Put the tests into the order in which the processes take them."""
    order = {name: place for place, name in enumerate(mixed(unit(item.nodeid) for item in items))}
    items.sort(key=lambda item: order[unit(item.nodeid)])
