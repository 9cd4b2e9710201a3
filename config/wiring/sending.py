"""Parts of a worker that send messages to Chat Mitra."""

from __future__ import annotations

from functools import cache, partial

from config.crash_points import Checkpoint, CheckpointedGroupCommit, CheckpointedSender, crash_at
from config.files import ConfigFiles
from config.settings import settings
from config.wiring.loaded_files import of_files
from config.wiring.shared import broker, database, lanes, pairing, process_name
from config.wiring.tracing import on_posted, on_stopped
from harkara.chatmitra.api import ChatMitra
from harkara.delivery.begun_posts import BegunPosts
from harkara.delivery.lease_times import Leases
from harkara.delivery.pool import Pool
from harkara.delivery.sender import Sender
from harkara.delivery.timeline_fence import TimelineFence
from harkara.delivery.worker_lease import WorkerLease
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.messages.used_slots import slots_used
from harkara.limits import with_margin
from harkara.limits.limiter import HORIZON, Limiter
from harkara.redis_client import connect

RECORD_SECONDS = 10
"""Time after the longest POST in which a worker records the outcome, before the sweep calls it uncertain."""


@of_files
def sender(files: ConfigFiles) -> Sender:
    checkpoint = crash_checkpoint()
    build = partial(CheckpointedSender, checkpoint=checkpoint) if checkpoint else Sender
    return build(
        database(),
        group_commit(),
        pool(),
        files.lanes,
        limiter(),
        _chatmitra(),
        files.playbook,
        worker=worker_lease().name_until,
        leases=leases(),
        fence=timeline_fence(),
        erasure_key=key.get_secret_value() if (key := settings().erasure_key) else None,
        assistant=files.assistant,
        on_posted=on_posted,
        on_stopped=on_stopped,
    )


@cache
def group_commit() -> GroupCommit:
    if checkpoint := crash_checkpoint():
        return CheckpointedGroupCommit(database(), _publish_outcome, checkpoint=checkpoint, fence=timeline_fence())
    return GroupCommit(database(), _publish_outcome, fence=timeline_fence())


@cache
def timeline_fence() -> TimelineFence:
    begun = BegunPosts(connect(settings().broker_url, seconds=3))
    return TimelineFence(
        database(), begun, pairing().name, lanes(), leases().claimed, history_seconds=settings().history_seconds
    )


@cache
def pool() -> Pool:
    return Pool(settings().threads)


@cache
def limiter() -> Limiter:
    broker = connect(settings().broker_url, seconds=3)
    return Limiter(broker, _recent_slots, horizon=_horizon(), round_trip=_chatmitra().round_trip)


@cache
def worker_lease() -> WorkerLease:
    return WorkerLease(database(), pairing().name, process_name())


@cache
def leases() -> Leases:
    lease, post = settings().lease.total_seconds(), settings().post_timeout.total_seconds()
    return Leases(queued=lease, claimed=lease, sending=post + RECORD_SECONDS)


@cache
def _chatmitra() -> ChatMitra:
    s = settings()
    connect_timeout, read_timeout = s.connect_timeout.total_seconds(), s.read_timeout.total_seconds()
    return ChatMitra(s.chatmitra_api_url, connect_timeout, read_timeout, s.keepalive.total_seconds())


@cache
def crash_checkpoint() -> Checkpoint | None:
    """Return None outside of the crash tests."""
    spec = settings().kill_at
    return crash_at(spec) if spec else None


def _horizon() -> float:
    """Return how many seconds ahead a slot may lie: a claim must not expire before its slot comes."""
    return min(HORIZON, 0.4 * settings().lease.total_seconds())


def _recent_slots(lane: str, mine: int) -> list[float]:
    allowance = lanes()[lane].allowance
    window = with_margin(allowance.window) if allowance else 0.0
    return slots_used(database(), lane, window, _horizon(), leases().unsent, mine)


def _publish_outcome(result: ClaimResult) -> None:
    """Put an outcome that the database does not take into Redis, for any worker that reaches the database again."""
    broker().publish_outcome(result.to_dict())
