"""What clients, workers, people and the periodic work do on a ledger with a history, each act with its time."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Self
from urllib.request import OpenerDirector

from benchmarks.console import first_byte, sign_in
from benchmarks.environment import Deployment
from benchmarks.messages import envelopes, recipient, text
from harkara import Client
from harkara.lanes import Lane
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept
from harkara.ledger.messages.begin import BeginRequest, begin_alone
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.dispatch import dispatch
from harkara.ledger.messages.queries import find_status
from harkara.ledger.messages.record import record
from harkara.ledger.messages.undone import count_undone
from harkara.ledger.retention import erase_old
from harkara.ledger.sweep import Crashed, sweep
from harkara.outcomes import Accepted, Uncertain
from harkara.shared_defaults import DEADLINES

MONTH = 30 * 86_400.0

_PAGES = {
    "newest messages": "/messages",
    "search by state": "/messages?state=failed",
    "search by template": "/messages?template=template_1",
    "search by code": "/messages?code=131026",
    "search by reference": "/messages?reference=r777",
    "search by number": "/messages?like=r7",
    "search by day": "/messages?since={since}&until={until}",
    "why messages fail": "/messages/why?state=failed",
    "a message": "/messages/r777",
    "now": "/now",
    "campaigns": "/campaigns",
    "a campaign": "/campaigns/camp_00000001",
    "messages of a campaign": "/messages?campaign=camp_00000001",
    "messages of a campaign by state": "/messages?campaign=camp_00000001&state=read",
    "proof of delivery": "/messages/r777/proof",
    "money": "/money",
}

_LANES = {"default": Lane("default", "token", None)}
_EACH, _SINGLE, _READ = 100, 20, 10
"""Messages of a round, those of them that are sent one by one, and those that are read."""


@dataclass
class Ledger:
    """A ledger with a history of so many messages, and the seconds of each act on it."""

    deployment: Deployment
    db: Database
    client: Client
    messages: int
    url: str
    browser: OpenerDirector
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def open(cls, deployment: Deployment, db: Database, client: Client, messages: int) -> Self:
        url = deployment.start_web()
        return cls(deployment, db, client, messages, url, sign_in(deployment, url))

    def time(self, what: str, act: Callable[[], Any]) -> Any:
        """Return the result of the act."""
        start = time.perf_counter()
        result = act()
        self.times[what].append(time.perf_counter() - start)
        return result


def send_messages(ledger: Ledger) -> None:
    """Accept messages one by one and together, dispatch them, and send them one by one and together."""
    db = ledger.db
    alone = [ledger.time("accept a message", partial(_accept_one, ledger, n)) for n in range(_SINGLE)]
    _send_all(ledger, alone)
    together = list(envelopes(_EACH))
    ledger.time("accept 100 messages", lambda: _accept(db, together))
    released = ledger.time("dispatch 100 messages", lambda: _dispatch(db))
    assert len(released) == _EACH, f"{len(released)} of {_EACH} messages were released"
    for identity in released[:_SINGLE]:
        ledger.time("claim, begin and record a message", partial(_send_all, ledger, [identity]))
    ledger.time("claim, begin and record 80 messages", lambda: _send_all(ledger, released[_SINGLE:]))
    ledger.time("dispatch nothing", lambda: _dispatch(db))


def read_messages(ledger: Ledger) -> None:
    """Read the status of messages of any age, as `harkara status` does."""
    for _ in range(_READ):
        key = f"r{random.randint(1, ledger.messages)}"
        ledger.time("status by reference", partial(find_status, ledger.db, key))


def open_pages(ledger: Ledger) -> None:
    """Open pages of the console, until the first byte."""
    day = datetime.now(UTC) - timedelta(days=183)
    values = {"since": f"{day:%Y-%m-%dT%H:%M}", "until": f"{day + timedelta(days=1):%Y-%m-%dT%H:%M}"}
    for label, path in _PAGES.items():
        milliseconds = first_byte(ledger.browser, f"{ledger.url}/console{path.format(**values)}")
        ledger.times[f"page: {label}"].append(milliseconds / 1000)


def sweep_and_erase(ledger: Ledger) -> None:
    """Sweep, and erase what is too old, with nothing to do for either."""
    ledger.time("count what is not done", lambda: count_undone(ledger.db))
    ledger.time("sweep", lambda: sweep(ledger.db, _policy))
    ledger.time("retention", lambda: erase_old(ledger.db, 2 * MONTH))


def audit_all(ledger: Ledger) -> None:
    """Audit the whole ledger; the time is that of each 100,000 messages."""
    start = time.perf_counter()
    report = audit(ledger.db)
    ledger.times["audit of 100,000 messages"].append((time.perf_counter() - start) * 100_000 / report.messages)
    assert report.clean, report.findings


def _accept_one(ledger: Ledger, n: int) -> str:
    return ledger.client.send(text(n), to=recipient(n)).id


def _accept(db: Database, these: list[Any]) -> None:
    accept(db, these, deadlines=DEADLINES, queued_seconds=60, direct_hints=False)


def _dispatch(db: Database) -> list[str]:
    released = dispatch(db, _LANES, lambda lanes: {}, depth=1000, queued_seconds=60)
    return [identity for identity, _ in released.hints]


def _send_all(ledger: Ledger, ids: list[str]) -> None:
    """Claim, begin and record them together."""
    claimed = claim(ledger.db, ids, 60)
    requests = [BeginRequest(one, "worker", "passed", 60, f"{one.id[-16:]}{one.id[-16:]}") for one in claimed]
    assert len(begin_alone(ledger.db, requests).held) == len(ids), "a claim was lost"
    with ledger.db.write() as tx:
        record(tx, [_accepted(one) for one in claimed])


def _accepted(one: Claimed) -> ClaimResult:
    return ClaimResult.of(one, Accepted(f"j{one.id[4:]}", 200), posted=True)


def _policy(_: Crashed) -> Uncertain:
    return Uncertain("crashed", "Its worker went away.", None)
