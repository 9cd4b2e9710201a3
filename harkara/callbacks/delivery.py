"""The courier: carries callbacks from the outbox to the application, with threads of its own."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import Event

import structlog

from harkara.callbacks.backoff import Trust
from harkara.callbacks.endpoint import SECONDS, Answer, Answered, Barred, Endpoint, Unanswered
from harkara.errors import Unavailable
from harkara.ledger.callbacks.outbox import Dead, Delivered, Failed, Notice, Untried, Verdict, bury, settle, take
from harkara.ledger.database import Database

log = structlog.get_logger(__name__)

HANDS = 8
"""POSTs that a worker process has under way at once."""

GATHER_SECONDS = 0.05
"""So long what was answered waits for more, to be written in one transaction."""

LEASE_SECONDS = 60.0
"""So long a callback is this worker's; no POST begins that could end later."""

DELAYS = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
"""Seconds after each try that failed; then hourly, until the day is over."""

BARRED_SECONDS = 60.0
"""After so long it is looked again whether the configuration still forbids it."""

GONE = 410
"""HTTP's word for an address that is given up for good (RFC 9110, 15.5.11)."""


class CallbackDelivery:
    """Delivers what is due, about the oldest first; `told` counts what became of it.

    Sending does not know of it: a slow application costs its own threads alone. Several workers may carry at once.
    """

    def __init__(self, db: Database, endpoint: Endpoint, *, told: Callable[[Mapping[str, int]], None]) -> None:
        self._db = db
        self._endpoint = endpoint
        self._told = told
        self._trust = Trust()
        self._lost = False
        self._halted = Event()
        self._stopped = False
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="callback")

    def round(self) -> Counter[str]:
        """Goes on until nothing is due, or the application takes nothing; returns what became of how many."""
        told: Counter[str] = Counter()
        while not self._stopped and (room := self._trust.room):
            notices = take(self._db, room, LEASE_SECONDS)
            if not notices:
                break
            told += self._carry(notices)
        return told

    def stop(self) -> None:
        """Ends the round: what is being POSTed comes to its end, the rest is due again at once."""
        self._stopped = True

    def _carry(self, notices: Sequence[Notice]) -> Counter[str]:
        self._halted.clear()
        until = time.monotonic() + LEASE_SECONDS - SECONDS
        under_way = {self._hands.submit(self._post, notice, until): notice for notice in notices}
        known: list[tuple[Notice, Verdict]] = []
        told: Counter[str] = Counter()
        while under_way:
            wait(under_way, return_when=FIRST_COMPLETED)
            done, _ = wait(under_way, timeout=GATHER_SECONDS)
            known += [(under_way.pop(future), future.result()) for future in done]
            try:
                written = settle(self._db, known)
            except Unavailable:
                if not under_way:
                    raise  # the lease brings them back, and the application hears them twice
                continue
            known = []
            told += written
        self._judge()
        del told["untried"]
        self._told(told)
        return told

    def _post(self, notice: Notice, until: float) -> Verdict:
        if self._stopped or self._halted.is_set() or time.monotonic() > until:
            return Untried()
        answer = self._endpoint.post(notice.id, body_of(notice))
        verdict = judge(answer, notice.tries)
        self._trust.learn(verdict, wish_of(answer))
        if isinstance(answer, Barred) and not self._halted.is_set():
            log.warning("callbacks are barred", action="callbacks_barred", reason=answer.reason)
        if self._trust.shaken:
            self._halted.set()
        return verdict

    def _judge(self) -> None:
        """How to go on, said once when that changes."""
        before, now = self._lost, self._trust.lost
        self._trust.rest()
        if now and not before:
            log.warning("the application takes no callbacks", action="callbacks_failing", reason=self._trust.reason)
        elif before and not now:
            log.info("the application takes callbacks again", action="callbacks_taken")
        self._lost = now
        if self._trust.hopeless and (dead := bury(self._db, self._trust.reason)):
            self._told({"dead": dead})


def body_of(notice: Notice) -> bytes:
    """What is signed and sent (Standard Webhooks, Payload structure)."""
    at = notice.created_at.isoformat(timespec="milliseconds")
    told = {"type": notice.kind, "timestamp": at, "data": notice.data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def judge(answer: Answer, tries: int) -> Verdict:
    """What the answer to this try, the first or a later one, means for the callback."""
    match answer:
        case Answered(status=status) if 200 <= status < 300:
            return Delivered(status)
        case Answered(status=status) if status == GONE:
            return Dead("HTTP 410: the application wants it no more", status)
        case Answered(status=status, retry_after=after):
            moved = ": redirects are not followed" if 300 <= status < 400 else ""
            return Failed(f"HTTP {status}{moved}", status, max(_delay(tries), after or 0.0))
        case Unanswered(reason=reason):
            return Failed(reason, None, _delay(tries))
        case Barred(reason=reason):
            return Untried(reason, BARRED_SECONDS)


def wish_of(answer: Answer) -> float:
    """For how many seconds nothing at all shall come."""
    match answer:
        case Barred():
            return BARRED_SECONDS
        case Answered(status=429 | 503, retry_after=float(seconds)):
            return seconds
        case _:
            return 0.0


def _delay(tries: int) -> float:
    """With up to a fifth on top, so that what failed together does not come back together."""
    return DELAYS[min(tries, len(DELAYS)) - 1] * random.uniform(1.0, 1.2)
