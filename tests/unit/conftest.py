"""A unit test starts no process: one that tries fails, with the command in its error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

_STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
"""Audit events of a new process: https://docs.python.org/3/library/audit_events.html."""

_running: list[str] = []
"""The unit test that runs, if any."""


@pytest.fixture(autouse=True)
def no_process(request: pytest.FixtureRequest) -> Iterator[None]:
    _running.append(request.node.nodeid)
    yield
    _running.clear()


def _refuse_process(event: str, arguments: tuple[Any, ...]) -> None:
    if _running and event in _STARTS:
        raise RuntimeError(f"{_running[0]} starts a process ({event}: {arguments!r}); move it to tests/integration/")


sys.addaudithook(_refuse_process)  # it stays for the life of the process, so it asks which test runs
