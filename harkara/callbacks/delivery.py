"""Deliver callbacks from the outbox to the application, in threads of their own."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Event

import structlog

from harkara.callbacks.backoff import Backoff, retry_delay
from harkara.callbacks.connector import TIMEOUT_SECONDS, Blocked, NoResponse
from harkara.callbacks.endpoint import Endpoint, EndpointResponse, Responded
from harkara.errors import Unavailable
from harkara.ledger.callbacks.outbox import (
    ClaimedCallback,
    Dead,
    Delivered,
    DeliveryResult,
    Failed,
    Untried,
    claim,
    expire,
    record_results,
)
from harkara.ledger.database import Database

log = structlog.get_logger(__name__)

THREADS = 8
"""POSTs that one worker process makes at the same time."""

BATCHING_SECONDS = 0.05
"""How long a result waits for others, so that one transaction records them."""

LEASE_SECONDS = 60.0
"""How long a claim lasts; no POST begins that could end after that."""

BLOCKED_SECONDS = 60.0
"""Delay until the next look whether the settings still block the address."""

GONE = 410
"""HTTP's status for an address that is permanently gone (RFC 9110, 15.5.11)."""


class CallbackDelivery:
    """Delivers what is due, roughly the oldest first; `on_results` gets the number of callbacks by outcome.

    `on_posted` gets each callback that was POSTed, what the application answered, and the `time.monotonic()` at which
    the POST began; it runs in the thread of the POST and must not raise.

    It uses none of the threads that send messages, so that a slow application delays only its own callbacks. Several
    workers may deliver at once.
    """

    def __init__(
        self,
        db: Database,
        endpoint: Endpoint,
        *,
        on_results: Callable[[Mapping[str, int]], None],
        on_posted: Callable[[ClaimedCallback, EndpointResponse, float], None] = lambda one, response, started: None,
    ) -> None:
        self._db = db
        self._endpoint = endpoint
        self._on_results = on_results
        self._on_posted = on_posted
        self._backoff = Backoff()
        self._was_failing = False
        self._halted = Event()
        self._stopped = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="callback")

    def round(self) -> Counter[str]:
        """Deliver until nothing is due or the application takes nothing; return the number of callbacks by outcome."""
        total: Counter[str] = Counter()
        while not self._stopped and (size := self._backoff.batch_size):
            claimed = claim(self._db, size, LEASE_SECONDS)
            if not claimed:
                break
            total += self._deliver(claimed)
        return total

    def stop(self) -> None:
        """End the current round: POSTs in progress are finished, the rest is due again at once."""
        self._stopped = True

    def _deliver(self, claimed: Sequence[ClaimedCallback]) -> Counter[str]:
        self._halted.clear()
        started = time.monotonic()
        in_progress = {self._threads.submit(self._post, one, started): one for one in claimed}
        results: list[tuple[ClaimedCallback, DeliveryResult]] = []
        total: Counter[str] = Counter()
        while in_progress:
            wait(in_progress, return_when=FIRST_COMPLETED)
            done, _ = wait(in_progress, timeout=BATCHING_SECONDS)
            results += [(one := in_progress.pop(future), _result(one, future)) for future in done]
            try:
                recorded = record_results(self._db, results)
            except Unavailable:
                if not in_progress:
                    raise  # they are due again after the lease, and the application gets them twice
                continue
            results = []
            total += recorded
        self._end_batch()
        del total["untried"]
        self._on_results(total)
        return total

    def _post(self, one: ClaimedCallback, started: float) -> DeliveryResult:
        begun = time.monotonic()
        since_claim = begun - started
        if self._stopped or self._halted.is_set() or since_claim > LEASE_SECONDS - TIMEOUT_SECONDS:
            return Untried()
        # Signed by the database's clock: this host's may be so wrong that the application refuses every callback.
        at = one.claimed_at + timedelta(seconds=since_claim)
        response = self._endpoint.post(one.id, render_body(one), at, one.traceparent)
        self._on_posted(one, response, begun)
        result = classify(response, one.tries)
        self._backoff.record(result, retry_after(response))
        if isinstance(response, Blocked) and not self._halted.is_set():
            log.warning("callbacks blocked", action="callbacks_blocked", reason=response.reason)
        if self._backoff.halted:
            self._halted.set()
        return result

    def _end_batch(self) -> None:
        """Adapt the backoff; log when the application begins or ceases to fail, and expire what is too old."""
        before, now = self._was_failing, self._backoff.failing
        self._backoff.end_batch()
        if now and not before:
            log.warning("callbacks not accepted", action="callbacks_failing", reason=self._backoff.reason)
        elif before and not now:
            log.info("callbacks accepted again", action="callbacks_recovered")
        self._was_failing = now
        if self._backoff.long_failing and (dead := expire(self._db, self._backoff.reason)):
            self._on_results({"dead": dead})


def _result(one: ClaimedCallback, future: Future[DeliveryResult]) -> DeliveryResult:
    """Return what the POST led to; a callback that cannot be POSTed at all fails alone."""
    try:
        return future.result()
    except Exception as error:
        name = type(error).__name__
        log.error("callback not posted", action="callback_broken", id=one.id, error=name)
        return Failed(f"it could not be sent ({name})", None, retry_delay(one.tries))


def render_body(one: ClaimedCallback) -> bytes:
    """Return the bytes that are signed and sent (Standard Webhooks, Payload structure)."""
    at = one.created_at.isoformat(timespec="milliseconds")
    payload = {"type": one.kind, "timestamp": at, "data": one.data}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def classify(response: EndpointResponse, tries: int) -> DeliveryResult:
    """Return the result of a try; `tries` counts it too."""
    match response:
        case Responded(status=status) if 200 <= status < 300:
            return Delivered(status)
        case Responded(status=status) if status == GONE:
            return Dead("HTTP 410: the application no longer wants it", status)
        case Responded(status=status, retry_after=after):
            redirect = ": redirects are not followed" if 300 <= status < 400 else ""
            return Failed(f"HTTP {status}{redirect}", status, max(retry_delay(tries), after or 0.0))
        case NoResponse(reason=reason):
            return Failed(reason, None, retry_delay(tries))
        case Blocked(reason=reason):
            return Untried(reason, BLOCKED_SECONDS)


def retry_after(response: EndpointResponse) -> float:
    """Return for how many seconds no callback at all may go out."""
    match response:
        case Blocked():
            return BLOCKED_SECONDS
        case Responded(status=429 | 503, retry_after=float(seconds)):
            return seconds
        case _:
            return 0.0
