"""Random faults for minutes, then a verdict about every message: `python -m tests.acceptance.chaos`."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Thread

import structlog
from sqlalchemy import func, select

from harkara import Category, Client, Envelope, Unavailable
from harkara.ledger.tables import event
from harness.postgres import PostgresServer, postgres
from harness.valkey import valkey
from tests.acceptance.chaos_monkey import ChaosMonkey
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.messages import new_messages
from tests.acceptance.promises import Verdict

THREADS = 8
BATCH = 20
"""Messages of one call of the application."""

SETTLE_SECONDS = 150.0
STORE_SECONDS = 20.0

FAULTS = {
    "latency_ms": [10, 200],
    "too_many_share": 0.03,
    "retry_after": 1,
    "server_error_share": 0.02,
    "never_answer_unprocessed_share": 0.01,
    "never_answer_share": 0.01,
    "close_after_accept_share": 0.02,
    "reset_before_read_share": 0.01,
    "reset_after_read_share": 0.01,
    "half_answer_share": 0.01,
    "webhook_duplicate_share": 0.2,
    "webhook_reorder_share": 0.2,
}
"""The sandbox's switches: about 12 of 100 requests fail, and webhooks arrive twice or in another order."""

CATEGORIES: tuple[Category, ...] = ("utility", "marketing", "reply", "utility", "authentication")


@dataclass(frozen=True, slots=True)
class Summary:
    """The faults, and the verdict about the messages afterwards."""

    faults: Counter[str]
    verdict: Verdict
    lost_webhooks: int
    """Webhooks that were answered with 200 and are not in the ledger."""
    seconds: float

    @property
    def kept(self) -> bool:
        return self.verdict.kept and not self.lost_webhooks

    def __str__(self) -> str:
        verdict = self.verdict
        figures: dict[str, object] = {
            "messages": len(verdict.results) + len(verdict.missing),
            **self.faults,
            "lost": len(verdict.lost),
            "silent duplicates": len(verdict.unflagged_duplicates),
            "flagged duplicates": len(verdict.flagged_duplicates),
            "uncertain": len(verdict.uncertain),
            "stuck": len(verdict.stuck),
            "wrongly reported unsent": len(verdict.falsely_unsent),
            "lost webhooks": self.lost_webhooks,
            "audit findings": len(verdict.audit.findings),
            "seconds": round(self.seconds),
        }
        return "\n".join(f"{name:26}{figure:>8}" for name, figure in figures.items())


def run(
    harkara: Deployment, messages: int, seconds: float, seed: int, database: PostgresServer | None = None
) -> Summary:
    """Send `messages` during `seconds` of faults, let the deployment recover, and examine each message."""
    began = time.monotonic()
    harkara.sandbox.set_faults(seed=seed, **FAULTS)
    monkey = ChaosMonkey(harkara, Random(seed), database)
    envelopes = new_messages(messages, CATEGORIES)
    harkara.open_windows(envelope.to for envelope in envelopes)
    application = Thread(target=send_batches, args=(harkara, envelopes, seconds), daemon=True)
    application.start()
    monkey.run(seconds)
    application.join(SETTLE_SECONDS)
    harkara.sandbox.reset_faults()
    with suppress(TimeoutError):  # messages that do not settle count as stuck
        harkara.wait_settled(messages, SETTLE_SECONDS)
    harkara.wait_until(lambda: harkara.sandbox.has_sent_all_events, "the sandbox has sent all events")
    with suppress(TimeoutError):  # the others count as lost
        harkara.wait_until(lambda: not count_lost_webhooks(harkara), "the ledger has all webhooks", STORE_SECONDS)
    verdict = harkara.examine(envelopes)
    return Summary(monkey.faults, verdict, count_lost_webhooks(harkara), time.monotonic() - began)


def count_lost_webhooks(harkara: Deployment) -> int:
    answered = [one for one in harkara.sandbox.webhooks()["webhooks"] if one["outcome"] == "answered"]
    events = {(one["message_id"], one["event"], one["body"].get("status")) for one in answered}
    with harkara.ledger.read() as tx:
        stored = tx.execute(select(func.count()).select_from(event)).scalar_one()
    return max(0, len(events) - int(stored))


def send_batches(harkara: Deployment, envelopes: Sequence[Envelope], seconds: float) -> None:
    """Send as two applications, one with the database and one with Redis alone, which repeat failed calls."""
    batches = [envelopes[start : start + BATCH] for start in range(0, len(envelopes), BATCH)]
    began = time.monotonic()
    with harkara.direct_client(seconds=2) as ledger, harkara.client(seconds=2) as redis:
        for place, batch in enumerate(batches):
            time.sleep(max(0.0, began + place * seconds / len(batches) - time.monotonic()))
            send_until_accepted(redis if place % 2 else ledger, batch)


def send_until_accepted(client: Client, batch: Sequence[Envelope]) -> None:
    while True:
        try:
            client.send_many(batch)
            return
        except Unavailable:
            time.sleep(0.5)


@contextmanager
def chaos_deployment(folder: Path, server: PostgresServer | None) -> Iterator[Deployment]:
    """Run a deployment with a durable Redis, on SQLite unless there is a PostgreSQL server."""
    url = server.create_database("chaos") if server else f"sqlite:///{folder / 'harkara.db'}"
    # Three tries of a webhook take longer than the restart of a killed HTTP API.
    webhooks = {"CHATMITRA_WEBHOOK_SECRET": "secret-of-the-webhooks", "SANDBOX_WEBHOOK_RETRY_MS": "5000"}
    with (
        valkey(appendonly="yes", appendfsync="always") as redis,
        deployment(folder, redis, url, HARKARA_THREADS=str(THREADS), **webhooks) as harkara,
    ):
        harkara.shorten_evidence()
        yield harkara


def main() -> None:
    """Exit with 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="repeats the same faults in the same order")
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=180, help="duration of the faults, before the recovery")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    options = parser.parse_args()
    # The client's warnings about an unavailable Redis are expected here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(f"seed {options.seed}, {options.database}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harkara-chaos-")))
        server = stack.enter_context(postgres()) if options.database == "postgres" else None
        harkara = stack.enter_context(chaos_deployment(folder, server))
        summary = run(harkara, options.messages, options.seconds, options.seed, server)
        print(summary)
        if not summary.kept:
            print(f"\nA promise is broken: {summary.verdict}\n\n{harkara.logs()}")
            sys.exit(1)


if __name__ == "__main__":
    main()
