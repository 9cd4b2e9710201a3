"""What people wait for: an act on many messages, the reasons why messages wait, and a campaign for a long list."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

from benchmarks.about import About
from benchmarks.campaign_list import write_list
from benchmarks.charges import charge_figures
from benchmarks.environment import Deployment, Environment
from benchmarks.figure import Figure, at_most
from benchmarks.messages import envelopes
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept
from harkara.ledger.messages.reasons import explain
from harkara.ledger.messages.search import MessageFilter
from harkara.ledger.messages.selections import perform, preview
from harkara.ledger.users.acts import Actor
from harkara.shared_defaults import DEADLINES
from harness.process import Process

ABOUT = About(
    "Acts and lists in bulk",
    "In PostgreSQL and in SQLite: messages that wait are grouped by reason, and cancelled together after their "
    "preview. A process checks a list of recipients, and then loads it as a campaign; its time is that of its CPU. "
    "Charges are written with and without the sums by day, one by one and 100 in a statement.",
    "the CPU of PostgreSQL while a list is loaded.",
)

_LANE = MessageFilter(lane="default")
_BULK = 500


def measure(environment: Environment, quick: bool) -> list[Figure]:
    messages, recipients, rounds = (1_000, 1_000, 1) if quick else (20_000, 100_000, 3)
    figures: list[Figure] = []
    for name, sqlite in {"PostgreSQL": False, "SQLite": True}.items():
        with environment.deploy(sqlite=sqlite) as deployment:
            db = Database(deployment.database_url)
            figures += _acts(db, name, messages, rounds)
            figures += _list(deployment, name, recipients)
            figures += charge_figures(db, name, rounds)
            db.close()
    return figures


def _acts(db: Database, name: str, number: int, rounds: int) -> Iterator[Figure]:
    grouped, cancelled = [], []
    for _ in range(rounds):
        _accept(db, number)
        grouped += [1000 * _seconds(lambda: explain(db)) for _ in range(10)]
        cancelled.append(_seconds(lambda: _cancel(db)))
    yield Figure(f"{name}: why {number:,} wait, p50", "ms", [median(grouped)], at_most(100), len(grouped))
    yield Figure(f"{name}: preview and cancel {number:,}", "s", cancelled, at_most(3))


def _accept(db: Database, number: int) -> None:
    waiting = list(envelopes(number))
    for start in range(0, number, _BULK):
        accept(db, waiting[start : start + _BULK], deadlines=DEADLINES, queued_seconds=10, direct_hints=False)


def _cancel(db: Database) -> None:
    token = preview(db, _LANE, "cancel").token
    *_, last = perform(db, _LANE, "cancel", token, Actor("benchmark", "command"), deadlines=DEADLINES)
    assert last.left == 0, last


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _list(deployment: Deployment, name: str, number: int) -> Iterator[Figure]:
    file = deployment.folder / "diwali.csv"
    write_list(file, number)
    command = [sys.executable, "-m", "benchmarks.campaign_list", str(file)]
    process = Process.start("list", command, deployment.settings, deployment.folder)
    try:
        assert process.popen.wait(300) == 0, process.output()
    finally:
        process.kill()
    found = json.loads(process.output().splitlines()[-1])
    yield Figure(f"{name}: check a list of {number:,}, CPU", "s", [found["check"]], at_most(8))
    yield Figure(f"{name}: load a list of {number:,}, CPU", "s", [found["load"]], at_most(8))
