"""Send: the way of a chunk of messages from its hint to its outcomes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby

import structlog

from harkara.chatmitra.api import ChatMitra, NotSent
from harkara.delivery import gates
from harkara.delivery.breaker import Breaker
from harkara.delivery.gates import Moment
from harkara.delivery.pool import Pool
from harkara.errors import Unavailable
from harkara.inbound import fingerprint
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.messages.begin import BeginRequest
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.messages.result import ClaimResult
from harkara.limits import Limiter, Slot, SlotRequest
from harkara.outcomes import Outcome, Refused, Wait
from harkara.playbook import WINDOW_CLOSED, Case, Playbook

log = structlog.get_logger(__name__)

MARKETING = "marketing"

TROUBLE_SECONDS = 5.0
"""Before another try of what a worker could not even prepare, its database away or its code at fault."""

TOGETHER_SECONDS = 0.05
"""Messages whose slots lie this near become `sending` in one transaction, a little before they must: at 80 a second
each would else have one of its own."""

HELD_UP = Wait(0.0, "late", "Its worker was held up; another one takes it.")


def no_checkpoint(name: str) -> None:
    """Where the crash tests stop a process; everybody else passes."""


@dataclass(frozen=True, slots=True)
class Leases:
    """Seconds that a message may stay in one hand before the sweep takes it back.

    `claimed` covers the wait for a slot, `sending` the HTTP timeouts and the record after them. Who comes to the POST
    more than `unsent` seconds after he asked to be `sending` was held up, and leaves it.
    """

    queued: float = 10.0
    claimed: float = 10.0
    sending: float = 30.0
    unsent: float = 5.0


class Sender:
    """Sends chunks: claim, gates, slots; then each message by itself: `sending`, POST, outcome, record."""

    def __init__(
        self,
        db: Database,
        commit: GroupCommit,
        pool: Pool,
        lanes: dict[str, Lane],
        limiter: Limiter,
        chatmitra: ChatMitra,
        playbook: Playbook,
        *,
        worker: str,
        leases: Leases,
        observe: Callable[[Claimed, Outcome, float], None] = lambda claimed, outcome, seconds: None,
        checkpoint: Callable[[str], None] = no_checkpoint,
    ) -> None:
        self._db = db
        self._commit = commit
        self._pool = pool
        self._lanes = lanes
        self._limiter = limiter
        self._chatmitra = chatmitra
        self._playbook = playbook
        self._worker = worker
        self._leases = leases
        self._observe = observe
        self._checkpoint = checkpoint
        self._breaker = Breaker()
        self._random = random.Random()

    def send(self, ids: Sequence[str], *, urgent: bool = False) -> None:
        """Delivers those of `ids` that can be claimed, and returns when each has its outcome.

        What is not urgent is claimed only when sender threads can take it soon; if none can, the hint is forgotten,
        and the sweep makes a new one.
        """
        if not urgent and not self._pool.wait_for_room(0.5 * self._leases.queued):
            return
        self._checkpoint("K0")
        claimed = claim(self._db, ids, self._leases.claimed)
        give_up = time.monotonic() + 0.6 * self._leases.claimed
        self._checkpoint("K1")
        if not claimed:
            return
        try:
            moment = gates.look(self._db, self._lanes, claimed)
            booked = self._book(self._pass_gates(claimed, moment))
        except Exception:
            # Nothing was sent: they go back at once and not as poison, since it is not they who are at fault.
            for one in claimed:
                self._stop(one, Wait(TROUBLE_SECONDS, "worker-trouble", "The worker could not prepare it."))
            raise
        self._await({self._submit(one, slot, moment): one for one, slot in booked}, give_up)

    def _await(self, sent: dict[Future[None], Claimed], give_up: float) -> None:
        """Waits for the outcomes. What no thread has begun in time is given back before its lease is over."""
        _, late = wait(sent, timeout=max(0.0, give_up - time.monotonic()))
        for future in late:
            if future.cancel():
                self._stop(sent[future], HELD_UP)
        for future in sent:
            if not future.cancelled():
                future.result()

    def _pass_gates(self, claimed: Sequence[Claimed], moment: Moment) -> list[Claimed]:
        ready = []
        for one in claimed:
            outcome = gates.stopped_at(one, moment)
            if outcome is None:
                ready.append(one)
                if one.category == "authentication":
                    moment.codes[one.recipient].claimed.add(one.id)
            else:
                self._stop(one, outcome)
        return ready

    def _book(self, ready: Sequence[Claimed]) -> list[tuple[Claimed, Slot]]:
        """One call for the slots of each lane; what gets none within the horizon goes back to wait for its time."""
        booked: list[tuple[Claimed, Slot]] = []
        for name, group in groupby(sorted(ready, key=lambda one: one.lane), key=lambda one: one.lane):
            chunk = sorted(group, key=lambda one: (one.priority, one.expires_at, one.id))
            for one, slot in zip(chunk, self._slots(self._lanes[name], chunk), strict=True):
                if isinstance(slot, Wait):
                    self._stop(one, slot)
                else:
                    booked.append((one, slot))
        return booked

    def _slots(self, lane: Lane, chunk: Sequence[Claimed], given_up: Slot | None = None) -> Sequence[Slot | Wait]:
        asks = [
            # Its recipient's turn was taken with the slot that it gives up.
            SlotRequest(
                None if given_up else _pair(lane, one.recipient), one.category != MARKETING, one.weight, given_up
            )
            for one in chunk
        ]
        try:
            return self._limiter.book(lane.name, lane.allowance, asks)
        except Unavailable:
            # Without the limiter nobody may send: the limit holds, the messages wait.
            return [Wait(1.0, "limiter-unavailable", "Redis cannot be asked for the rate limit.") for _ in chunk]

    def _submit(self, one: Claimed, slot: Slot, moment: Moment) -> Future[None]:
        at = slot.at - self._commit.lead_seconds
        at -= at % TOGETHER_SECONDS
        return self._pool.submit(lambda: self._deliver(one, slot, moment), priority=one.priority, at=at)

    def _deliver(self, one: Claimed, slot: Slot, moment: Moment) -> None:
        begun = time.monotonic()
        if not self._begin(one, slot, moment):
            return None
        self._checkpoint("K2")
        if no_slot := self._keep(one, slot, begun + self._leases.unsent):
            return self._finish(one, no_slot, posted=True)
        self._checkpoint("K3")
        started = time.monotonic()
        outcome = self._post(one, moment)
        self._checkpoint("K4")
        self._finish(one, outcome, posted=True)
        self._observe(one, outcome, time.monotonic() - started)
        return self._checkpoint("K5")

    def _begin(self, one: Claimed, slot: Slot, moment: Moment) -> bool:
        """Whether the message is durably `sending` and this worker may POST it."""
        passed = gates.passed(one, moment, slot.at - time.monotonic())
        wish = BeginRequest(one, self._worker, passed, self._leases.sending, self._echo(one))
        try:
            held = self._commit.begin(wish)
        except Unavailable:
            log.warning("no POST without the ledger", action="begin_failed", id=one.id)
            # Whether it is `sending` now is unknown, but nothing was sent: it goes back from either state.
            for posted in (False, True):
                trouble = Wait(TROUBLE_SECONDS, "worker-trouble", "The ledger could not be asked.")
                self._commit.record_later(ClaimResult.of(one, trouble, posted=posted))
            return False
        if not held:
            self._stop(one, HELD_UP)
        return held

    def _echo(self, one: Claimed) -> str | None:
        """What an event of this POST will show, where events are let in."""
        lane = self._lanes[one.lane]
        return (
            fingerprint.keyed(lane.token, one.recipient, fingerprint.of_request(json.loads(one.body)))
            if lane.webhooks_enabled
            else None
        )

    def _keep(self, one: Claimed, slot: Slot, until: float) -> Wait | None:
        """Sleeps until the slot. One that was slept through is given up for a new one, or for a wait."""
        while True:
            time.sleep(max(0.0, slot.at - time.monotonic()))
            if time.monotonic() > until:
                return HELD_UP
            if not slot.missed():
                return None
            booked = self._slots(self._lanes[one.lane], [one], slot)[0]
            if isinstance(booked, Wait):
                return booked
            slot = booked

    def _post(self, one: Claimed, moment: Moment) -> Outcome:
        lane = self._lanes[one.lane]
        answer = self._chatmitra.post(lane.token, one.body)
        window = moment.window(one).window
        outcome = self._playbook.judge(answer, _case(one), self._random, window=window, evidence=lane.webhooks_enabled)
        if isinstance(outcome, Refused) and outcome.code == WINDOW_CLOSED:
            outcome = self._instead(one, lane, outcome)
        if isinstance(outcome, Wait) and outcome.code == "429":
            self._slow(lane, outcome.seconds or 0.0)
        return self._breaker.watch(lane.name, outcome, reached=not isinstance(answer, NotSent))

    def _instead(self, one: Claimed, lane: Lane, refused: Refused) -> Outcome:
        """A template that is refused like this itself would be put in its own place again and again."""
        if one.resends or not gates.needs_window(one):
            return refused
        return gates.replaced(one, lane, refused.status) or refused

    def _slow(self, lane: Lane, seconds: float) -> None:
        try:
            self._limiter.slow(lane.name, seconds)
        except Unavailable:
            log.warning("the limiter could not be slowed", action="slow_failed", lane=lane.name)

    def _stop(self, one: Claimed, outcome: Outcome) -> None:
        """Writes an outcome that came before any POST; the chunk does not wait for it to be durable."""
        self._commit.record_later(ClaimResult.of(one, outcome, posted=False))

    def _finish(self, one: Claimed, outcome: Outcome, *, posted: bool) -> None:
        self._commit.record(ClaimResult.of(one, outcome, posted=posted))


def _pair(lane: Lane, recipient: str) -> str:
    """Names a recipient in Redis without telling the number to those who can read it there."""
    return blake2b(recipient.encode(), key=lane.token.encode()[:64], digest_size=12).hexdigest()


def _case(one: Claimed) -> Case:
    left = (one.expires_at - one.claimed_at).total_seconds()
    return Case(
        tries=one.tries + 1,
        waits=one.waits,
        waited_for=one.waited_for,
        resends=one.resends,
        category=one.category,
        raw=one.kind != "template",
        seconds_left=left,
    )
