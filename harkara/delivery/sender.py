"""The main path of delivery: from a hinted chunk of ids to the recorded outcome of each message."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog

from harkara.answers import Provider, ProviderConnection
from harkara.assistant.rules import AssistantRules
from harkara.categories import PRIORITY
from harkara.delivery import gates
from harkara.delivery.booking import Booked, Booking, Passed
from harkara.delivery.deliveries import Deliveries
from harkara.delivery.hints import URGENT
from harkara.delivery.lease_times import Leases
from harkara.delivery.pool import Pool
from harkara.delivery.post_times import PostTimes
from harkara.delivery.posting import Posting
from harkara.delivery.recording import RETRY_SECONDS, Recording
from harkara.delivery.timeline_fence import TimelineFence
from harkara.errors import Unavailable, stops_all
from harkara.inbound import fingerprint
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.messages.begin import BeginRequest
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.limits.limiter import Limiter
from harkara.limits.slots import Slot
from harkara.outcomes import Outcome, Wait
from harkara.playbook import Playbook

log = structlog.get_logger(__name__)

LAST = max(PRIORITY.values())
"""The priority that is sent last."""

BATCH_SECONDS = 0.1
"""Messages whose slots lie in the same interval begin in one transaction, a little earlier than they must.

Without it, each message of a lane with 80 slots a second has a transaction of its own.
"""

NOT_POSTED = Wait(RETRY_SECONDS, "worker-trouble", "The worker could not wait for its slot; nothing was sent.")

DELAYED = Wait(0.0, "late", "Its worker was delayed; another worker sends it.")


class Sender:
    """Sends chunks of messages.

    A chunk is claimed, passes the gates and books its slots. Then each message runs in a sender thread: it begins,
    waits for its slot, is posted, and its outcome is recorded. A subclass may wrap these steps, as the crash tests do.
    `worker` returns the name for an attempt whose first byte leaves by that `time.monotonic()`. `fence` is that of the
    group commit. `erasure_key` is the key under which the ledger keeps the opt-outs of people whose data was erased.
    `on_posted` gets each recorded outcome of a POST, `on_stopped` each outcome without one; both must be brief and must
    not raise.
    """

    def __init__(
        self,
        db: Database,
        commit: GroupCommit,
        pool: Pool,
        lanes: Mapping[str, Lane],
        limiter: Limiter,
        provider: Provider,
        playbook: Playbook,
        *,
        worker: Callable[[float], str],
        leases: Leases,
        fence: TimelineFence | None = None,
        erasure_key: str | None = None,
        assistant: AssistantRules = AssistantRules(),  # noqa: B008  # frozen
        on_posted: Callable[[Claimed, Outcome, PostTimes], None] = lambda message, outcome, times: None,
        on_stopped: Callable[[Claimed, Outcome], None] = lambda message, outcome: None,
    ) -> None:
        self._db = db
        self._commit = commit
        self._pool = pool
        self._lanes = lanes
        self._booking = Booking(limiter, lanes)
        self._posting = Posting(provider, playbook, lanes, self._booking.slow)
        self._recording = Recording(db, commit, on_stopped)
        self._worker = worker
        self._leases = leases
        self._fence = fence
        self._erasure_key = erasure_key
        self._assistant = assistant
        self._on_posted = on_posted
        self._on_stopped = on_stopped

    def send(self, ids: Sequence[str], *, urgent: bool = False) -> None:
        """Send those of `ids` that this worker can claim; return when each of them has its outcome.

        A chunk is claimed only when sender threads are free for it soon; an urgent one waits for no message that is
        less urgent. Otherwise the hint is dropped, and the sweep makes a new one. Raises Unavailable when the ledger
        cannot be read.
        """
        # Urgent chunks enter one by one. The others may be prepared at the same time, which keeps the threads busy.
        admitted, least_urgent = (len(ids), URGENT) if urgent else (0, LAST)
        if not self._pool.admit(admitted, least_urgent, 0.5 * self._leases.queued):
            return
        try:
            claimed = self.claim(ids)
            give_up_at = time.monotonic() + 0.6 * self._leases.claimed
            booked = self._prepare(claimed) if claimed else []
            deliveries = self._submit(booked)
        finally:
            self._pool.end_admission(admitted, least_urgent)
        if not deliveries.wait(give_up_at):
            self._withdraw(booked, deliveries)
        deliveries.finish()

    def deliver(self, booked: Booked, ended: Callable[[BaseException | None], None]) -> None:
        """Send one message of the chunk; runs in a sender thread. `ended` is called when its outcome is durable."""
        begun = time.monotonic()
        post_by = begun + self._leases.unsent
        if not self.begin(booked):
            ended(None)
            return
        booked = booked._replace(slot=booked.slot.until(post_by))
        while True:
            connection = self.connect(booked)
            self.wait_for_slot(booked)
            started = time.monotonic()
            if outcome := self.post(booked, connection):
                break
            slot = self.exchange_slot(booked, post_by)
            if isinstance(slot, Wait):
                self.record(booked.message, slot)
                self._on_stopped(booked.message, slot)
                ended(None)
                return
            booked = booked._replace(slot=slot)
        answered = time.monotonic()

        def recorded() -> None:
            try:
                self.report(booked.message, outcome, PostTimes(begun, started, answered, time.monotonic()))
            except Exception as error:
                ended(error)
            else:
                ended(None)

        self.record(booked.message, outcome, recorded)

    def claim(self, ids: Sequence[str]) -> list[Claimed]:
        """Claim the messages under a lease; another worker may have claimed some of them.

        None are claimed before the fence has compared the timeline of the server. Raises Unavailable.
        """
        claim_fenced = self._fence.claim if self._fence else partial(claim, self._db)
        return claim_fenced(ids, self._leases.claimed)

    def check_gates(self, claimed: Sequence[Claimed]) -> list[Passed]:
        """Return the messages that pass every gate; the outcomes of the others are recorded."""
        context = gates.load(self._db, self._lanes, claimed, self._erasure_key, self._assistant)
        passed = []
        for message in claimed:
            if outcome := gates.check(message, context):
                self._recording.stop(message, outcome)
            else:
                passed.append(Passed(message, context.window(message)))
        return passed

    def book(self, passed: Sequence[Passed]) -> list[Booked]:
        """Return the messages that get a slot; the others wait for their time in the ledger."""
        booked = []
        for (message, window), slot in self._booking.book(passed):
            if isinstance(slot, Wait):
                self._recording.stop(message, slot)
            else:
                booked.append(Booked(message, window, slot))
        return booked

    def begin(self, booked: Booked) -> bool:
        """Commit the message as `sending` with its attempt; return whether this worker may POST it."""
        message, window, slot = booked
        trace = gates.trace_line(window, slot.at - time.monotonic())
        worker = self._worker(time.monotonic() + self._leases.unsent)
        request = BeginRequest(message, worker, trace, self._leases.sending, self._fingerprint(message))
        try:
            held = self._commit.begin(request)
        except Unavailable:
            self._recording.undo_begin(message)
            return False
        if not held:
            self._recording.stop(message, DELAYED)
        return held

    def connect(self, booked: Booked) -> ProviderConnection:
        """Return an open connection: to open one in the slot may take longer than the slot allows."""
        return self._posting.connect(booked.slot.at)

    def wait_for_slot(self, booked: Booked) -> None:
        """Sleep until the slot begins."""
        seconds = booked.slot.at - time.monotonic()
        if seconds > 0:  # a sleep of no time would let another thread run first
            time.sleep(seconds)

    def post(self, booked: Booked, connection: ProviderConnection) -> Outcome | None:
        """POST the message; return the outcome of its answer, or None when the slot was missed and nothing was sent."""
        return self._posting.post(booked, connection)

    def exchange_slot(self, booked: Booked, post_by: float) -> Slot | Wait:
        """Return a missed slot for a new one, or for a Wait when there is nothing to send in."""
        if time.monotonic() > post_by:
            return DELAYED
        try:
            slot = self._booking.exchange(booked.message, booked.slot)
        except Exception:
            self.record(booked.message, NOT_POSTED)
            raise
        return slot if isinstance(slot, Wait) else slot.until(post_by)

    def record(self, message: Claimed, outcome: Outcome, recorded: Callable[[], None] = lambda: None) -> None:
        """Record the outcome of an attempt; call `recorded` when it is durable, perhaps after the return."""
        self._recording.record(message, outcome, recorded)

    def report(self, message: Claimed, outcome: Outcome, times: PostTimes) -> None:
        """Pass a recorded outcome, and when its steps happened, to the metrics and the traces."""
        self._on_posted(message, outcome, times)

    def _prepare(self, claimed: Sequence[Claimed]) -> list[Booked]:
        """Return the messages that pass the gates and get a slot.

        After an unexpected error each message is prepared alone, so that one of them stops no other.
        Raises Unavailable.
        """
        try:
            return self.book(self.check_gates(claimed))
        except Exception as error:
            if len(claimed) == 1 or stops_all(error):
                for message in claimed:
                    self._recording.postpone(message)
                raise
        booked: list[Booked] = []
        for message in claimed:
            try:
                booked += self.book(self.check_gates([message]))
            except Exception as error:
                self._recording.postpone(message)
                log.error("message not prepared", action="prepare_failed", id=message.id, error=type(error).__name__)
        return booked

    def _submit(self, booked: Sequence[Booked]) -> Deliveries:
        deliveries = Deliveries(one.message.id for one in booked)
        lead = self._commit.lead_seconds
        for one in booked:
            at = one.slot.at - lead
            work = partial(self._deliver, one, deliveries)
            self._pool.submit(work, priority=one.message.priority, at=at - at % BATCH_SECONDS)
        return deliveries

    def _deliver(self, booked: Booked, deliveries: Deliveries) -> None:
        """Deliver a message in a sender thread, unless it was withdrawn."""
        self._pool.occupy()
        if not deliveries.begin(booked.message.id):
            self._pool.vacate()
            return

        def ended(error: BaseException | None) -> None:
            self._pool.vacate()
            deliveries.end(error)

        try:
            self.deliver(booked, ended)
        except BaseException as error:
            ended(error)

    def _withdraw(self, booked: Sequence[Booked], deliveries: Deliveries) -> None:
        """Let the messages that no thread has begun wait in the ledger again."""
        withdrawn = set(deliveries.withdraw())
        for one in booked:
            if one.message.id in withdrawn:
                self._recording.stop(one.message, DELAYED)

    def _fingerprint(self, message: Claimed) -> str | None:
        """Return what an event about this POST will contain; None in a lane without webhooks."""
        lane = self._lanes[message.lane]
        if not lane.webhooks_enabled:
            return None
        return fingerprint.keyed(lane.token, message.recipient, fingerprint.of_request(json.loads(message.body)))
