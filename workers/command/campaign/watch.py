"""`harkara campaign watch`: follow a campaign until it is finished, paused or cancelled."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harkara.states import CampaignState, State
from workers.command.deployment import ledger
from workers.command.options import AsJson, Campaign
from workers.command.output import console, emit, printable

if TYPE_CHECKING:
    from rich.table import Table

    from harkara.ledger.database import Database

SECONDS = 1.0

_ENDED = {CampaignState.FINISHED, CampaignState.PAUSED, CampaignState.CANCELLED}
_OPEN = {State.WAITING, State.QUEUED, State.CLAIMED, State.SENDING}


def watch(key: Campaign, as_json: AsJson = False) -> None:
    """Show the progress of a campaign, its rate and the time left. With --json, one line a second."""
    from rich.live import Live

    from harkara.ledger.campaigns import queries

    with ledger() as db:
        identity = queries.get_campaign(db, key).id
        if as_json:
            _follow(db, identity, emit)
            return
        screen = console()
        with Live(console=screen, auto_refresh=False) as live:
            _follow(db, identity, lambda found: live.update(_picture(found), refresh=True))
        if not screen.is_terminal:
            screen.print()  # Live writes no line end after the last line of a file


def _follow(db: Database, identity: str, show: Callable[[dict[str, Any]], None]) -> None:
    from harkara.ledger.campaigns import queries

    pace = _Pace()
    while True:
        found = queries.get_progress(db, identity)
        left = sum(found.by_state.get(state, 0) for state in _OPEN)
        rate = pace.learn(found.audience - left)
        more = {"left": left, "rate": round(rate, 2), "seconds_left": round(left / rate) if rate else None}
        show(dict(found) | more)
        if found.state in _ENDED:
            return
        time.sleep(SECONDS)


@dataclass
class _Pace:
    """Messages a second over the last minute."""

    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=61))

    def learn(self, done: int) -> float:
        self.samples.append((time.monotonic(), done))
        (begun, before), (now, done) = self.samples[0], self.samples[-1]
        return (done - before) / (now - begun) if now > begun else 0.0


def _picture(found: dict[str, Any]) -> Table:
    from rich.table import Table

    picture = Table(box=None, pad_edge=False, show_header=False)
    done = found["audience"] - found["left"]
    eta = "" if found["seconds_left"] is None else f", {found['seconds_left']:,} s left"
    picture.add_row(found["name"], found["state"], f"{done:,} of {found['audience']:,}, {found['rate']:g}/s{eta}")
    for state, number in sorted(found["by_state"].items()):
        picture.add_row("", state, f"{number:,}")
    for code, number in found["by_code"].items():
        picture.add_row("", "", f"{printable(code)}: {number:,}")
    if found["reason"]:
        picture.add_row("", "why", printable(found["reason"]))
    return picture
