"""`python -m benchmarks [name …]`: measures the promised figures, and prints which goals are met."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import accept, latency, lateness, limit, otp, recovery, report, schedule, send, webhooks
from benchmarks.environment import Environment
from benchmarks.figure import Figure
from benchmarks.machine import machine, warning
from harness.postgres import postgres

BENCHMARKS = {
    "send": send.measure,
    "limit": limit.measure,
    "latency": latency.measure,
    "otp": otp.measure,
    "accept": accept.measure,
    "schedule": schedule.measure,
    "lateness": lateness.measure,
    "recovery": recovery.measure,
    "webhooks": webhooks.measure,
}


def main() -> None:
    given = _arguments()
    load = os.getloadavg()[0]
    with postgres() as server, tempfile.TemporaryDirectory(prefix="harkara-bench-") as folder:
        environment = Environment(server, Path(folder))
        facts = machine(load, *environment.describe())
        if found := warning(facts):
            _log(found)
        results = {name: _run(name, environment, given.quick) for name in given.names or BENCHMARKS}
    if given.json:
        given.json.write_text(json.dumps(report.to_json(results, facts, quick=given.quick), indent=2) + "\n")
    print((report.markdown if given.markdown else report.table)(results, facts))


def _run(name: str, environment: Environment, quick: bool) -> list[Figure]:
    _log(f"{name} …")
    start = time.monotonic()
    figures = BENCHMARKS[name](environment, quick)
    _log(f"{name} took {time.monotonic() - start:.0f} s")
    return figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="run a tenth of the size, to check that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file as well")
    parser.add_argument("--markdown", action="store_true", help="print the table for the README")
    given = parser.parse_args()
    if unknown := set(given.names) - BENCHMARKS.keys():
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; choose from {', '.join(BENCHMARKS)}")
    return given


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
