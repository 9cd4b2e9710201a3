"""The crash table: a worker is killed at each point of sending, for each category.

The deployments have no webhooks, so unknown outcomes stay uncertain; one-time codes are sent once more and flagged.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from harkara import Category, Envelope
from harness.ledger import copied_ledger
from harness.postgres import PostgresServer
from harness.valkey import valkey
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.messages import CATEGORIES, new_message
from tests.acceptance.promises import (
    ONCE,
    RESENT,
    TWICE,
    UNCERTAIN_LOST,
    UNCERTAIN_SENT,
    Result,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """The state after a crash, and the result after the recovery."""

    state: str
    result: Result


STATES = {
    "K0": {"queued", "waiting"},  # before the claim
    "K1": {"claimed"},  # claimed, before the gates
    "K1b": {"claimed"},  # with a slot, before the commit of `sending`
    "K2": {"sending"},  # `sending` is committed, the POST has not begun
    "K3": {"sending"},  # the request is sent, no response was read
    "K4": {"sending"},  # the response was read, not recorded
    "K4b": {"sending"},  # within the transaction that records it
    "K5": {"accepted"},  # recorded
}
CODES = {
    "K0": ONCE,
    "K1": ONCE,
    "K1b": ONCE,
    "K2": RESENT,
    "K3": TWICE,
    "K4": TWICE,
    "K4b": TWICE,
    "K5": ONCE,
}
OTHERS = {
    "K0": ONCE,
    "K1": ONCE,
    "K1b": ONCE,
    "K2": UNCERTAIN_LOST,
    "K3": UNCERTAIN_SENT,
    "K4": UNCERTAIN_SENT,
    "K4b": UNCERTAIN_SENT,
    "K5": ONCE,
}

AT_COMMITS = ("K2", "K4b")
"""The points at which SQLite is tested, too: at the others no transaction is open, and both databases are as before."""

Table = dict[tuple[str, Category], Cell]


def test_a_crash_at_each_point_leads_to_its_state_and_result(
    database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Run all crashes at once, each in its own deployment, since most of the time passes until a lease expires."""

    def crash_in(folder: Path, point: str, categories: Sequence[Category]) -> Table:
        folder.mkdir()
        url = f"sqlite:///{folder / 'harkara.db'}" if server is None else copied_ledger(server)
        with valkey() as redis, deployment(folder, redis, url) as harkara:
            return crash(harkara, point, categories)

    postgres = database_url.startswith("postgres")
    server: PostgresServer | None = request.getfixturevalue("postgres_server") if postgres else None
    points = tuple(STATES) if postgres else AT_COMMITS
    # One transaction may record many outcomes, so at K4b each category has its own crash.
    crashes = [(point, CATEGORIES) for point in points if point != "K4b"] + [("K4b", (one,)) for one in CATEGORIES]
    cells: Table = {}
    with ThreadPoolExecutor(len(crashes)) as pool:
        folders = [tmp_path / f"{number}-{point}" for number, (point, _) in enumerate(crashes)]
        for found in pool.map(crash_in, folders, *zip(*crashes, strict=True)):
            cells |= found
    assert cells.keys() == {(point, category) for point in points for category in CATEGORIES}
    assert {cell: found.result for cell, found in cells.items()} == {
        (point, category): (CODES if category == "authentication" else OTHERS)[point] for point, category in cells
    }
    for (point, category), cell in cells.items():
        assert cell.state in STATES[point], (point, category)


def crash(harkara: Deployment, point: str, categories: Sequence[Category]) -> Table:
    """Kill a worker when one message of each category is at the point, then let another worker recover."""
    envelopes = [new_message(category) for category in categories]
    harkara.accept(envelopes)
    if point == "K3":
        kill_during_post(harkara, envelopes)
    else:
        # Codes and replies are one chunk, the others another; from K1b on each message reaches the point by itself.
        times = 2 if point in ("K0", "K1") else len(envelopes)
        how = "@" if point == "K5" else "*"  # one thread records them all, so at K5 none waits for the others
        harkara.start_worker(ready=False, HARKARA_KILL_AT=f"{point}{how}{times}").wait_killed()
    states = [harkara.status(envelope)["state"] for envelope in envelopes]
    harkara.start_worker(ready=False)
    harkara.wait_settled(len(envelopes))
    verdict = harkara.examine(envelopes)
    verdict.assert_kept(uncertain=len(envelopes))
    return {
        (point, envelope.category): Cell(state, verdict.results[envelope.id])
        for envelope, state in zip(envelopes, states, strict=True)
    }


def kill_during_post(harkara: Deployment, envelopes: Sequence[Envelope]) -> None:
    """Kill the worker when the sandbox has received every request and responds to none."""
    harkara.sandbox.set_faults(never_answer_share=1)
    worker = harkara.start_worker(ready=False, HARKARA_READ_TIMEOUT="60")
    harkara.wait_accepted(len(envelopes))
    worker.kill()
    harkara.sandbox.reset_faults()
