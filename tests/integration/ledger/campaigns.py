"""Campaigns in tests: load and start one, and send its messages."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Lock
from typing import Any

from sqlalchemy import update

from harkara.campaigns import CampaignMessage
from harkara.delivery import gates
from harkara.lanes import Lane
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.create import CampaignSettings
from harkara.ledger.campaigns.load import CampaignPlan, load
from harkara.ledger.campaigns.queries import get_campaign, get_progress, report
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.record import record
from harkara.ledger.tables import campaign, halt
from harkara.money.prices import Prices
from harkara.outcomes import Outcome, Refused, Wait
from tests.integration.ledger.occasions import CONFIG, PLAN
from tests.integration.ledger.steps import (
    ACCEPTED,
    begin_posts,
    claim_messages,
    dispatch_all,
    marketing,
    record_outcome,
)

DAY = 86_400.0
CHUNK = 20

DISPATCH_LOCK = Lock()
"""Threads dispatch in turn, since a dispatch skips rows that another one has locked."""

LANES = {"default": Lane("default", "token", None)}
SETTINGS = CampaignSettings(
    PLAN.catalogue, LANES, Prices.load(CONFIG / "prices.toml"), error_share=0.1, seconds=30 * DAY
)
REFUSED = Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400)


def campaign_plan(name: str = "sale", **options: Any) -> CampaignPlan:
    usual: dict[str, Any] = {"lane": "default", "kind": "sale", "template": "spring_sale", "category": "marketing"}
    return CampaignPlan(name, **usual | {"source": "list.csv", "error_share": 0.1, "seconds": 30 * DAY} | options)


def audience(of: CampaignPlan, size: int, first: int = 0) -> Iterator[CampaignMessage]:
    return (CampaignMessage(n + 2, marketing(n, producer=of.id, lane=of.lane)) for n in range(first, first + size))


def load_campaign(db: Database, size: int = 4, name: str = "sale", **options: Any) -> str:
    of = campaign_plan(name, **options)
    load(db, of, audience(of, size))
    return of.id


def start_campaign(db: Database, size: int = 4, name: str = "sale", **options: Any) -> str:
    identity = load_campaign(db, size, name, **options)
    commands.start(db, identity)
    return identity


def message_ids(db: Database, identity: str) -> list[str]:
    return [line.id for line in report(db, identity, numbers=False)]


def state_of(db: Database, identity: str) -> str:
    return str(get_campaign(db, identity).state)


def pass_gates(db: Database, claims: list[Claimed]) -> list[Claimed]:
    """Return the messages that pass the gates, and record the outcomes of the others."""
    context = gates.load(db, LANES, claims)
    outcomes = [(one, gates.check(one, context)) for one in claims]
    for one, outcome in outcomes:
        if outcome is not None:
            record_outcome(db, one, outcome, posted=False)
    return [one for one, outcome in outcomes if outcome is None]


def send_due(db: Database, outcome: Outcome = ACCEPTED, most: int = 1000) -> int:
    """Send up to `most` due messages with one outcome; return how many were sent."""
    with DISPATCH_LOCK:
        hinted = dispatch_all(db, depth=most)
    claims = claim_messages(db, *hinted)
    passed = pass_gates(db, claims) if claims else []
    if not passed:
        return 0
    begun = begin_posts(db, *passed)
    with db.write() as tx:
        record(tx, [ClaimResult.of(one, outcome, posted=True) for one in passed if (one.id, one.epoch) in begun])
    return len(begun)


def move_start_into_past(db: Database) -> None:
    with db.write() as tx:
        past = tx.now - timedelta(seconds=1)
        tx.execute(update(campaign).values(start_at=past))
        tx.execute(update(halt).where(halt.c.until.is_not(None)).values(until=past))


@contextmanager
def running_senders(db: Database, number: int) -> Iterator[None]:
    """Run threads that send due messages, each with a random outcome."""
    stop = Event()
    outcomes: list[Outcome] = [ACCEPTED, ACCEPTED, REFUSED, Wait(0, "503", "Busy", status=503)]

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            send_due(db, chance.choice(outcomes), most=CHUNK)

    with ThreadPoolExecutor(number) as threads:
        futures = [threads.submit(work, seed) for seed in range(number)]
        try:
            yield
        finally:
            stop.set()
    for each in futures:
        each.result()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def count_settled(db: Database, identity: str) -> int:
    by_state = get_progress(db, identity).by_state
    return sum(by_state.get(name, 0) for name in ("accepted", "failed"))
