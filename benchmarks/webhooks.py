"""Webhooks: events stored by the HTTP API, and events applied to their messages by one worker."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from benchmarks.environment import Environment
from benchmarks.figure import Figure, at_least
from benchmarks.messages import envelopes, recipient, text
from harkara.chatmitra.signature import sign
from harkara.chatmitra.webhooks import parse
from harkara.inbound import fingerprint
from harkara.inbound.words import Words
from harkara.intake.stream import WEBHOOKS, Intake
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.events.process import EventContext
from harkara.ledger.messages.accept import accept
from harkara.ledger.messages.begin import BeginRequest, begin
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.queries import count_by_state
from harkara.ledger.messages.record import record
from harkara.outcomes import Accepted
from harkara.playbook import Playbook
from harkara.receipt import Receipt
from harkara.redis_client import connect
from harkara.shared_defaults import DEADLINES
from harkara.states import State
from harkara.webhooks.process import EventProcessor
from harkara.webhooks.receive import WebhookReceiver
from harness.ledger import open_ledger
from harness.process import ROOT
from harness.valkey import valkey

THREADS = 8
"""Requests that the HTTP API handles at the same time."""

GOAL = at_least(10_000)

SECRET = "secret"
LANE = Lane("default", "token", None, webhook_secret=SECRET)
CONTEXT = EventContext(
    {LANE.name: LANE},
    Playbook.load(ROOT / "config" / "playbook.toml"),
    Words.load(ROOT / "config" / "words.toml"),
    parse,
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    """Process two events of each message, in ledgers of both kinds that take turns."""
    messages, rounds = (100, 1) if quick else (500, 3)
    found: dict[str, list[tuple[float, float]]] = {"PostgreSQL": [], "SQLite": []}
    for _ in range(rounds):
        for name, rates in found.items():
            file = Path(environment.folder) / f"{uuid4().hex}.db"
            url = environment.create_database() if name == "PostgreSQL" else f"sqlite:///{file}"
            with open_ledger(url, connections=THREADS + 2) as db:
                rates.append(_round(db, messages))
    return [
        figure
        for name, rates in found.items()
        for figure in (
            Figure(f"events stored, {THREADS} at once, {name}", "/min", [stored for stored, _ in rates], GOAL),
            Figure(f"events applied by one worker, {name}", "/min", [applied for _, applied in rates], GOAL),
        )
    ]


def _round(db: Database, messages: int) -> tuple[float, float]:
    """Return events a minute, stored and applied."""
    _send(db, messages)
    webhooks = [_status_webhook(status, n) for status in ("sent", "delivered") for n in range(messages)]
    with valkey() as server, connect(server.url, seconds=3) as redis:
        stream = Intake(redis, "bench", stream=WEBHOOKS)
        stored = _store(WebhookReceiver(db, CONTEXT.lanes, stream, lambda: None), webhooks)
        processor = EventProcessor(db, stream, CONTEXT, holder="bench", silence_seconds=900, check_seconds=300)
        applied = _apply(processor, len(webhooks))
    assert count_by_state(db) == {LANE.name: {State.DELIVERED: messages}}
    return stored, applied


def _send(db: Database, number: int) -> None:
    """Bring messages to the state `accepted`, as a worker does."""
    receipts, _ = accept(
        db, list(envelopes(number, category="reply")), deadlines=DEADLINES, queued_seconds=60, direct_hints=False
    )
    claims = claim(db, [receipt.id for receipt in receipts if isinstance(receipt, Receipt)], 60)
    with db.write() as tx:
        assert len(begin(tx, [_begin(claimed) for claimed in claims])) == number
        record(tx, [ClaimResult.of(claimed, Accepted(f"job-{claimed.id}", 202), posted=True) for claimed in claims])


def _begin(claimed: Claimed) -> BeginRequest:
    content = fingerprint.of_request(json.loads(claimed.body))
    return BeginRequest(claimed, "worker", "passed", 60, fingerprint.keyed(LANE.token, claimed.recipient, content))


def _status_webhook(status: str, n: int) -> bytes:
    event = {
        "event": "message.sent" if status == "sent" else "message.status.updated",
        "status": status,
        "message_id": f"wamid.{n}",
        "direction": "outbound",
        "to": recipient(n),
        "timestamp": time.time(),
        "message": {"type": "text", "text": text(n)},
    }
    return json.dumps(event).encode()


def _store(receiver: WebhookReceiver, webhooks: Sequence[bytes]) -> float:
    def receive(raw: bytes) -> bool:
        return receiver.receive(LANE.name, raw, sign(raw, SECRET))

    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        assert all(threads.map(receive, webhooks))
    return 60 * len(webhooks) / (time.perf_counter() - start)


def _apply(processor: EventProcessor, events: int) -> float:
    start, applied = time.perf_counter(), 0
    while applied < events:
        applied += processor.process()["folded"]
    return 60 * events / (time.perf_counter() - start)
