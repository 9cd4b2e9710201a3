"""`python -m tests.acceptance.chaos`: everything goes wrong at once for minutes, then every message is counted."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Thread

import structlog
from sqlalchemy import func, select

from harkara import Category, Client, Envelope, Unavailable
from harkara.intake.stream import STREAM, WEBHOOKS
from harkara.ledger.tables import event
from harkara.redis_client import connect
from harness.postgres import PostgresServer, postgres
from harness.process import Process
from harness.valkey import valkey
from tests.acceptance.deployment import WEB_READY, Deployment, deployment
from tests.acceptance.mail import mails
from tests.acceptance.promises import Verdict

WORKERS = 2
THREADS = 8
BATCH = 20
"""Messages that the application hands over in one call."""

SETTLE_SECONDS = 150.0
FOLD_SECONDS = 20.0

MOOD = {
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
"""Of every hundred requests about a dozen go wrong, and webhooks come in disorder."""

CATEGORIES: tuple[Category, ...] = ("utility", "marketing", "reply", "utility", "authentication")


@dataclass(frozen=True, slots=True)
class Result:
    """What was done, and what had become of the messages afterwards."""

    harms: Counter[str]
    verdict: Verdict
    forgotten: int
    """Webhooks that were answered for and are not in the ledger."""
    seconds: float

    @property
    def kept(self) -> bool:
        return self.verdict.kept and not self.forgotten

    def __str__(self) -> str:
        verdict = self.verdict
        figures: dict[str, object] = {
            "messages": len(verdict.fates) + len(verdict.missing),
            **self.harms,
            "lost": len(verdict.lost),
            "silent duplicates": len(verdict.twice_in_silence),
            "flagged duplicates": len(verdict.twice_and_flagged),
            "uncertain": len(verdict.uncertain),
            "stuck": len(verdict.stuck),
            "wrongly called unsent": len(verdict.hidden),
            "webhooks forgotten": self.forgotten,
            "rules broken in the audit": len(verdict.audit.findings),
            "seconds": round(self.seconds),
        }
        return "\n".join(f"{name:26}{figure:>8}" for name, figure in figures.items())


def run(
    harkara: Deployment, messages: int, seconds: float, seed: int, database: PostgresServer | None = None
) -> Result:
    """Sends so many messages over so many seconds of chaos, lets everything recover, and examines each."""
    began = time.monotonic()
    harkara.sandbox.faults(seed=seed, **MOOD)
    monkey = Monkey(harkara, Random(seed), database)
    handed_over = mails(messages, CATEGORIES)
    harkara.customers_write(each.to for each in handed_over)
    application = Thread(target=hand_over, args=(harkara, handed_over, seconds), daemon=True)
    application.start()
    monkey.rage(seconds)
    application.join(SETTLE_SECONDS)
    harkara.sandbox.behave()
    with suppress(TimeoutError):  # what does not settle is counted as stuck
        harkara.wait_settled(messages, SETTLE_SECONDS)
    harkara.wait(lambda: harkara.sandbox.has_told_all, "the sandbox has told all")
    with suppress(TimeoutError):  # the same, as forgotten
        harkara.wait(lambda: not forgotten(harkara), "what came by Redis is in the ledger", FOLD_SECONDS)
    return Result(monkey.harms, harkara.examine(handed_over), forgotten(harkara), time.monotonic() - began)


def forgotten(harkara: Deployment) -> int:
    told = [one for one in harkara.sandbox.webhooks()["webhooks"] if one["outcome"] == "answered"]
    events = {(one["message_id"], one["event"], one["body"].get("status")) for one in told}
    with harkara.ledger.read() as tx:
        kept = tx.execute(select(func.count()).select_from(event)).scalar_one()
    return max(0, len(events) - int(kept))


def hand_over(harkara: Deployment, envelopes: Sequence[Envelope], seconds: float) -> None:
    """As two applications would, one with the database and one with Redis alone: each repeats a call that failed."""
    batches = [envelopes[start : start + BATCH] for start in range(0, len(envelopes), BATCH)]
    began = time.monotonic()
    with harkara.direct_client(seconds=2) as ledger, harkara.client(seconds=2) as redis:
        for place, batch in enumerate(batches):
            time.sleep(max(0.0, began + place * seconds / len(batches) - time.monotonic()))
            insist(redis if place % 2 else ledger, batch)


def insist(client: Client, batch: Sequence[Envelope]) -> None:
    while True:
        try:
            client.send_many(batch)
            return
        except Unavailable:
            time.sleep(0.5)


class Monkey:
    """Does harm after harm from a deck that the seed shuffles."""

    def __init__(self, harkara: Deployment, dice: Random, database: PostgresServer | None) -> None:
        self.harms: Counter[str] = Counter()
        self._harkara = harkara
        self._dice = dice
        self._database = database
        self._web = harkara.start_web()
        self._workers = harkara.start_workers(WORKERS)
        self._frozen: list[tuple[float, Process]] = []
        self._deck = [self._kill] * 4 + [self._freeze] * 2 + [self._kill_redis, self._empty_redis, self._kill_web]
        self._deck += [self._kill_database] if database else []
        harkara.start_beat()

    def rage(self, seconds: float) -> None:
        """Until the time is over and every kind of harm was done; then everything runs again, and nothing is frozen."""
        over = time.monotonic() + seconds
        for place, harm in enumerate(self._shuffled()):
            if time.monotonic() > over and place >= len(self._deck):
                break
            time.sleep(self._dice.uniform(1.0, 2.0))
            self._thaw(time.monotonic())
            self._supervise()
            harm()
        self._thaw(float("inf"))
        self._harkara.wait(self._runs, "everything runs again")

    def _shuffled(self) -> Iterator[Callable[[], None]]:
        while True:
            self._dice.shuffle(self._deck)
            yield from self._deck

    def _supervise(self) -> None:
        """As whoever deploys them does: a worker that finds no database when it starts, ends."""
        self._workers = [each if each.alive else self._harkara.start_worker(ready=False) for each in self._workers]

    def _runs(self) -> bool:
        self._supervise()
        return WEB_READY in self._web.output() and all("ready." in each.output() for each in self._workers)

    def _kill(self) -> None:
        victim = self._dice.choice(self._workers)
        victim.kill()
        self._workers.remove(victim)
        self._frozen = [(until, process) for until, process in self._frozen if process is not victim]
        self._workers.append(self._harkara.start_worker(ready=False))
        self.harms["kills"] += 1

    def _freeze(self) -> None:
        """For longer than a claim is held, and now and then longer than what is being sent."""
        victim = self._dice.choice(self._workers)
        victim.suspend()
        self._frozen.append((time.monotonic() + self._dice.choice([3.0, 5.0, 15.0]), victim))
        self.harms["freezes"] += 1

    def _kill_web(self) -> None:
        self._web.kill()
        self._web = self._harkara.start_web(ready=False)
        self.harms["web kills"] += 1

    def _kill_redis(self) -> None:
        """It has written everything that it confirmed, as the intake needs it."""
        self._harkara.valkey.kill()
        time.sleep(self._dice.uniform(0, 2))
        self._harkara.valkey.start()
        self.harms["Redis kills"] += 1

    def _empty_redis(self) -> None:
        """It forgets hints, locks and slots; only what nobody else has yet must not be forgotten."""
        redis = connect(self._harkara.valkey.url, seconds=3)
        for key in redis.scan_iter():
            if key not in (STREAM, WEBHOOKS):
                redis.delete(key)
        self.harms["Redis emptied"] += 1

    def _kill_database(self) -> None:
        assert self._database
        self._database.kill()
        time.sleep(self._dice.uniform(0, 2))
        self._database.start()
        self.harms["database kills"] += 1

    def _thaw(self, now: float) -> None:
        for until, process in self._frozen:
            if until <= now:
                process.resume()
        self._frozen = [(until, process) for until, process in self._frozen if until > now]


@contextmanager
def prey(folder: Path, server: PostgresServer | None) -> Iterator[Deployment]:
    """A deployment whose Redis keeps what it confirms, on SQLite unless there is a server."""
    url = server.create_database("chaos") if server else f"sqlite:///{folder / 'harkara.db'}"
    # Three tries of a webhook span more than what a killed web door takes to come back.
    hearing = {"CHATMITRA_WEBHOOK_SECRET": "secret-of-the-webhooks", "SANDBOX_WEBHOOK_RETRY_MS": "5000"}
    with (
        valkey(appendonly="yes", appendfsync="always") as redis,
        deployment(folder, redis, url, HARKARA_THREADS=str(THREADS), **hearing) as harkara,
    ):
        yield harkara


def main() -> None:
    """Ends with 1 when a promise is broken."""
    options = argparse.ArgumentParser(prog="python -m tests.acceptance.chaos", description=__doc__)
    options.add_argument("--seed", type=int, default=int(time.time()), help="the same harms in the same order")
    options.add_argument("--messages", type=int, default=5000)
    options.add_argument("--seconds", type=float, default=180, help="of harm, before everything may recover")
    options.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    chosen = options.parse_args()
    # That Redis does not always take a hint is no news here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(f"seed {chosen.seed}, {chosen.database}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harkara-chaos-")))
        server = stack.enter_context(postgres()) if chosen.database == "postgres" else None
        harkara = stack.enter_context(prey(folder, server))
        result = run(harkara, chosen.messages, chosen.seconds, chosen.seed, server)
        print(result)
        if not result.kept:
            print(f"\nA promise is broken: {result.verdict}\n\n{harkara.logs()}")
            sys.exit(1)


if __name__ == "__main__":
    main()
