"""Webhooks: how many events the door takes, and how many a worker folds into their messages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from benchmarks.figures import Figure, at_least
from benchmarks.ground import Ground, migrated
from harkara.inbound import sign
from harkara.intake.stream import WEBHOOKS, Intake
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import count_by_state
from harkara.ledger.messages.record import Finish, finish
from harkara.redis_client import connect
from harkara.states import State
from harkara.webhooks.process import EventProcessor
from harkara.webhooks.receive import WebhookReceiver
from harness.valkey import valkey
from tests.integration.ledger.hooks import JUDGES, post_messages, status_webhook
from tests.integration.ledger.steps import ACCEPTED, reply

AT_ONCE = 8
"""Requests that the web process answers at the same time."""

GOAL = at_least(10_000)


def measure(ground: Ground, quick: bool) -> list[Figure]:
    """Of each message two events, in ledgers of both kinds that take turns."""
    messages, rounds = (100, 1) if quick else (500, 3)
    found: dict[str, list[tuple[float, float]]] = {"PostgreSQL": [], "SQLite": []}
    for _ in range(rounds):
        for name, rates in found.items():
            url = ground.database() if name == "PostgreSQL" else f"sqlite:///{Path(ground.folder) / uuid4().hex}.db"
            with closing(Database(migrated(url), connections=AT_ONCE + 2)) as db:
                rates.append(_round(db, messages))
    return [
        figure
        for name, rates in found.items()
        for figure in (
            Figure(f"events stored, {AT_ONCE} at once, {name}", "/min", [stored for stored, _ in rates], GOAL),
            Figure(f"events folded by one worker, {name}", "/min", [folded for _, folded in rates], GOAL),
        )
    ]


def _round(db: Database, messages: int) -> tuple[float, float]:
    """Events a minute, stored and folded."""
    claims = post_messages(db, [reply(n) for n in range(messages)])
    with db.write() as tx:
        finish(tx, [Finish.of(claimed, ACCEPTED, posted=True) for claimed in claims])
    hooks = [status_webhook(db, status, f"wamid.{n}", n) for status in ("sent", "delivered") for n in range(messages)]
    with valkey() as server, closing(connect(server.url, seconds=3)) as redis:
        mailbox = Intake(redis, "bench", stream=WEBHOOKS)
        stored = _store(WebhookReceiver(db, JUDGES.lanes, mailbox, lambda: None), hooks)
        folded = _fold(EventProcessor(db, mailbox, JUDGES, holder="bench", silence_seconds=900), len(hooks))
    assert count_by_state(db) == {"default": {State.DELIVERED: messages}}
    return stored, folded


def _store(door: WebhookReceiver, hooks: Sequence[bytes]) -> float:
    def hear(raw: bytes) -> bool:
        return door.hear("default", raw, sign(raw, "secret"))

    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert all(threads.map(hear, hooks))
    return 60 * len(hooks) / (time.perf_counter() - start)


def _fold(folding: EventProcessor, events: int) -> float:
    start, folded = time.perf_counter(), 0
    while folded < events:
        folded += folding.fold()["folded"]
    return 60 * events / (time.perf_counter() - start)
