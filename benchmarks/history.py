"""What a year of messages changes: the same acts on a ledger of a hundred thousand and on one of ten million."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

from benchmarks.about import About
from benchmarks.environment import Environment
from benchmarks.figure import Figure, at_most
from benchmarks.history_acts import Ledger, audit_all, open_pages, read_messages, send_messages, sweep_and_erase
from benchmarks.history_rows import fill, megabytes
from harkara.ledger.campaigns.counts import fill_ranges, renew_counts
from harkara.ledger.charges.spend_sums import add_to_sums
from harkara.ledger.database import Database

SMALL = 100_000

ABOUT = About(
    "A year of messages",
    "Two ledgers in one PostgreSQL take turns: one with 100,000 settled messages of twelve months, the other with ten "
    "million (`--history`), both with their POSTs, traces and charges, and with texts, numbers and events of 30 days. "
    "A worker would have counted the large campaigns, so they are counted before. "
    "Each figure is the median in the larger ledger, as a multiple of that in the smaller one. The audit is that "
    "of the whole ledger, and its figure is that of each 100,000 messages.",
    "the load of other processes, and disks that are slower than the memory in which most of the files are.",
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    small, large, rounds = (2_000, 20_000, 3) if quick else (SMALL, environment.history, 25)
    with ExitStack() as stack:
        ledgers = [_open(stack, environment, number) for number in (small, large)]
        for turn in range(rounds):
            for act in (send_messages, read_messages, open_pages, sweep_and_erase):
                for ledger in ledgers[:: 1 if turn % 2 else -1]:
                    act(ledger)
        for ledger in ledgers:
            audit_all(ledger)
        return [*_ratios(*ledgers), *(_size(ledger) for ledger in ledgers)]


def _open(stack: ExitStack, environment: Environment, number: int) -> Ledger:
    deployment = stack.enter_context(environment.deploy())
    start = time.monotonic()
    fill(deployment, number)
    print(f"  {number:,} messages written in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    db = Database(deployment.database_url)
    stack.callback(db.close)
    while add_to_sums(db):
        pass
    while fill_ranges(db):
        pass
    renew_counts(db, seconds=3_600)
    return Ledger.open(deployment, db, stack.enter_context(deployment.client()), number)


def _ratios(small: Ledger, large: Ledger) -> Iterator[Figure]:
    for what, times in large.times.items():
        before, after = median(small.times[what]), median(times)
        label = f"{what}: {_shown(before)} with {small.messages:,}, {_shown(after)} with {large.messages:,}"
        yield Figure(label, "×", [after / before], at_most(1.3), len(times))


def _shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds > 1 else f"{1000 * seconds:.2f} ms"


def _size(ledger: Ledger) -> Figure:
    return Figure(f"disk of {ledger.messages:,} messages", "MB", [megabytes(ledger.deployment)])
