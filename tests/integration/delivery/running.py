"""A sender with all that a worker process gives it, which sends to the sandbox."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.crash_points import CheckpointedSender
from harkara.assistant.rules import AssistantRules
from harkara.chatmitra.api import ChatMitra
from harkara.delivery.lease_times import Leases
from harkara.delivery.pool import Pool
from harkara.delivery.sender import Sender
from harkara.errors import Unavailable
from harkara.inbound.events import MessageReceived
from harkara.inbound.words import Words
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.events.inbound_messages import record_received
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.limits import Allowance
from harkara.limits.limiter import Limiter
from harkara.playbook import Playbook
from harkara.redis_client import connect
from tests.integration.ledger.steps import age_messages, dispatch_all, states_of
from tests.integration.sandbox.process import Sandbox

CONFIG = Path(__file__).resolve().parents[3] / "config"
PLAYBOOK = Playbook.load(CONFIG / "playbook.toml")
WORDS = Words.load(CONFIG / "words.toml")


@contextmanager
def running_sender(
    db: Database,
    sandbox: Sandbox,
    redis_url: str,
    *,
    allowance: Allowance | None = None,
    lane: Lane | None = None,
    leases: Leases | None = None,
    secret: str | None = None,
    assistant: AssistantRules | None = None,
    checkpoint: Callable[[str], None] = lambda name: None,
    **hooks: Any,
) -> Iterator[Sender]:
    """Run a sender for the lane `default`; `checkpoint` is called between its steps, `hooks` are those of Sender."""
    pool, commit = Pool(16), GroupCommit(db, _refuse, retry_seconds=5)
    with connect(redis_url, seconds=2) as redis:
        yield CheckpointedSender(
            db,
            commit,
            pool,
            {"default": lane or Lane("default", "token:secret", allowance, webhook_secret=secret)},
            Limiter(redis, lambda lane, booking: []),
            ChatMitra(f"{sandbox.url}/send_message"),
            PLAYBOOK,
            worker=lambda until: "worker",
            leases=leases or Leases(),
            assistant=assistant or AssistantRules(),
            checkpoint=checkpoint,
            **hooks,
        )
        pool.close()
        commit.close()


def _refuse(_result: ClaimResult) -> None:
    raise Unavailable("there is no Redis to store the outcome")


def posts(sandbox: Sandbox) -> int:
    """Return how many POSTs the sandbox has received."""
    return len(sandbox.get("/_sandbox/requests", limit=1_000)["requests"])


def settle(db: Database, senders: Sequence[Sender], ids: Sequence[str], seconds: float = 60) -> Counter[str]:
    """Dispatch and send, in chunks that the senders share, until every message is final; return their states."""
    end = time.monotonic() + seconds
    while not (found := Counter(states_of(db, ids))).keys() <= {"accepted", "cancelled", "failed", "uncertain"}:
        assert time.monotonic() < end, found
        age_messages(db, 2, *ids)
        due = dispatch_all(db)
        with ThreadPoolExecutor(len(senders)) as threads:
            for place, sender in enumerate(senders):
                threads.submit(sender.send, due[place :: len(senders)])
        time.sleep(0.02)
    return found


def receive_message(db: Database, n: int = 0, *, ago: float = 0.0, text: str = "Hello") -> None:
    """Record a message that the contact number `n` sent, so many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    with db.write() as tx:
        received = MessageReceived(identity="1", sender=f"9198765{n:05d}", kind="text", at=at, text=text)
        record_received(tx, "default", received, WORDS)
