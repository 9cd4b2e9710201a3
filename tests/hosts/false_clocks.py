"""Wall clocks that are wrong on one host, by libfaketime. Clocks that measure durations stay right, as on a host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from threading import Event, Thread

STEP_SECONDS = 2.0
"""Time between two jumps of a clock."""


class FaketimeUnavailable(Exception):
    """This machine does not have libfaketime."""


@contextmanager
def false_clocks(folder: Path, clocks: Mapping[str, float | str]) -> Iterator[dict[str, dict[str, str]]]:
    """Yield the environment of each host's processes. A clock is seconds ahead, or `~90` for one that jumps."""
    jumping = {host: folder / f"clock-of-{host}" for host, clock in clocks.items() if isinstance(clock, str)}
    steps = {path: float(str(clocks[host]).removeprefix("~")) for host, path in jumping.items()}
    stopped = Event()
    thread = Thread(target=_jump, args=(steps, stopped))
    thread.start()
    try:
        yield {host: _environment(clock, jumping.get(host)) for host, clock in clocks.items()}
    finally:
        stopped.set()
        thread.join()


def _environment(clock: float | str, file: Path | None) -> dict[str, str]:
    where = {"FAKETIME_TIMESTAMP_FILE": str(file)} if file else {"FAKETIME": f"{float(clock):+g}s"}
    return {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_CACHE_DURATION": "1",
        **where,
    }


def _library() -> Path:
    """Return the library for programs with threads."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise FaketimeUnavailable("libfaketime not found: install your system's package `libfaketime`")
    return found[0]


def _jump(steps: Mapping[Path, float], stopped: Event) -> None:
    for sign in cycle((0, 1, 0, -1)):
        for path, step in steps.items():
            new = path.with_suffix(".new")
            new.write_text(f"{sign * step:+g}s\n")
            new.replace(path)
        if stopped.wait(STEP_SECONDS):
            return
