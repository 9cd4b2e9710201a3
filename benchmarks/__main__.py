"""`python -m benchmarks [name …]`: measures the promised figures, and prints which goals are met."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import (
    accept,
    assistant,
    bulk,
    capacity,
    console,
    history,
    latency,
    lateness,
    limit,
    otp,
    recovery,
    report,
    schedule,
    send,
    start,
    webhooks,
)
from benchmarks.about import Benchmark
from benchmarks.environment import Environment
from benchmarks.figure import Figure
from benchmarks.machine import machine, warning
from harness.postgres import postgres

BENCHMARKS: dict[str, Benchmark] = {
    "send": send,
    "latency": latency,
    "accept": accept,
    "limit": limit,
    "otp": otp,
    "schedule": schedule,
    "lateness": lateness,
    "recovery": recovery,
    "webhooks": webhooks,
    "start": start,
    "console": console,
}

BY_NAME: dict[str, Benchmark] = {"assistant": assistant, "bulk": bulk, "capacity": capacity, "history": history}
"""Benchmarks that a run without names leaves out, so that the documented run stays as long as it is."""

_ALL = BENCHMARKS | BY_NAME


def main() -> None:
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends every process that was started
    load = os.getloadavg()[0]
    with postgres() as server, tempfile.TemporaryDirectory(prefix="harkara-bench-") as folder:
        environment = Environment(server, Path(folder), given.history)
        facts = machine(load, *environment.describe())
        if found := warning(facts):
            _log(found)
        names = given.names or BENCHMARKS
        figures = {name: _run(name, environment, given.quick) for name in names}
    run = report.to_json({name: (_ALL[name].ABOUT, found) for name, found in figures.items()}, facts, given.quick)
    if given.json:
        given.json.write_text(json.dumps(run, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(report.table(run))


def _run(name: str, environment: Environment, quick: bool) -> list[Figure]:
    _log(f"{name} …")
    start = time.monotonic()
    figures = _ALL[name].measure(environment, quick)
    _log(f"{name} took {time.monotonic() - start:.0f} s")
    return figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    kinds = f"one of {', '.join(BENCHMARKS)}, or {', '.join(BY_NAME)}; default: all but the last four"
    parser.add_argument("names", nargs="*", metavar="name", help=kinds)
    parser.add_argument("--quick", action="store_true", help="measure less, within 3 minutes, to check that it works")
    parser.add_argument(
        "--history",
        type=int,
        default=10_000_000,
        metavar="N",
        help="messages of the larger ledger of `history`; each million needs about 3 GB of the disk",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file as well")
    given = parser.parse_args()
    if unknown := set(given.names) - _ALL.keys():
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; choose from {', '.join(_ALL)}")
    return given


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
