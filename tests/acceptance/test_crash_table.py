"""The crash table: a worker dies at each point of a message's way, for each category, and the oracle is the sandbox.

Without webhooks, so whatever nobody can know stays uncertain, but for one-time codes, which go once more and say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from harkara import Category, Envelope
from harness.postgres import PostgresServer
from harness.valkey import valkey
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.mail import CATEGORIES, mail
from tests.acceptance.promises import AGAIN, ONCE, PERHAPS, PERHAPS_NOT, TWICE, Fate


@dataclass(frozen=True, slots=True)
class Cell:
    """What a crash left behind, and what had become of it when everything was over."""

    found: str
    fate: Fate


FOUND = {
    "K0": {"queued", "waiting"},  # before the claim
    "K1": {"claimed"},  # claimed, nothing written of a POST
    "K2": {"sending"},  # `sending` is committed, the POST has not begun
    "K3": {"sending"},  # the POST is out, no answer has been read
    "K4": {"sending"},  # the answer is read, not recorded
    "K4b": {"sending"},  # in the recording, before its commit
    "K5": {"accepted"},  # recorded
}
CODES = {"K0": ONCE, "K1": ONCE, "K2": AGAIN, "K3": TWICE, "K4": TWICE, "K4b": TWICE, "K5": ONCE}
OTHERS = {"K0": ONCE, "K1": ONCE, "K2": PERHAPS_NOT, "K3": PERHAPS, "K4": PERHAPS, "K4b": PERHAPS, "K5": ONCE}

CELLS = [(point, category) for point in FOUND for category in CATEGORIES]
Table = dict[tuple[str, Category], Cell]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Table:
    """All crashes at once, each in a deployment of its own: most of their time is spent waiting for leases."""

    def crash_in(folder: Path, point: str, categories: Sequence[Category]) -> Table:
        url = f"sqlite:///{folder / 'harkara.db'}" if server is None else server.create_database(f"crash_{folder.name}")
        with valkey() as redis, deployment(folder, redis, url) as harkara:
            return crash(harkara, point, categories)

    server: PostgresServer | None = None if request.param == "sqlite" else request.getfixturevalue("postgres_server")
    # One transaction may record many outcomes, so at K4b each category dies alone.
    crashes = [(point, CATEGORIES) for point in FOUND if point != "K4b"] + [("K4b", (one,)) for one in CATEGORIES]
    cells: Table = {}
    with ThreadPoolExecutor(len(crashes)) as together:
        folders = [tmp_path_factory.mktemp(point.lower()) for point, _ in crashes]
        for wreck in together.map(crash_in, folders, *zip(*crashes, strict=True)):
            cells |= wreck
    return cells


@pytest.mark.parametrize(("point", "category"), CELLS)
def test_a_worker_that_dies_here_leaves_this(table: Table, point: str, category: Category) -> None:
    cell = table[point, category]
    expected = CODES if category == "authentication" else OTHERS
    assert cell.found in FOUND[point]
    assert cell.fate == expected[point]


def crash(harkara: Deployment, point: str, categories: Sequence[Category]) -> Table:
    """Lets a worker die when one message of each category stands at the point, and another one find what is left."""
    letters = [mail(category) for category in categories]
    harkara.hand_over(letters)
    if point == "K3":
        die_in_mid_post(harkara, letters)
    else:
        # Codes and replies make one chunk, the others another; from K2 on each message stands there by itself.
        there = 2 if point in ("K0", "K1") else len(letters)
        harkara.start_worker(ready=False, HARKARA_KILL_AT=f"{point}*{there}").wait_killed()
    found = [harkara.status(letter)["state"] for letter in letters]
    harkara.start_worker(ready=False)
    harkara.wait_settled(len(letters))
    verdict = harkara.examine(letters)
    verdict.assert_kept(uncertain=len(letters))
    return {
        (point, letter.category): Cell(state, verdict.fates[letter.id])
        for letter, state in zip(letters, found, strict=True)
    }


def die_in_mid_post(harkara: Deployment, letters: Sequence[Envelope]) -> None:
    """The sandbox has every request and answers none; its word is surer than any delay."""
    harkara.sandbox.faults(never_answer_share=1)
    doomed = harkara.start_worker(ready=False, HARKARA_READ_TIMEOUT="60")
    harkara.wait_accepted(len(letters))
    doomed.kill()
    harkara.sandbox.behave()
