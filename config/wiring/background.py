"""Parts of a worker beside sending: accepting, periodic work, webhooks, callbacks and its own health."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache

from celery.worker import state as worker_state

from config.callback_endpoint import endpoint
from config.celery_app import OWN
from config.files import ConfigFiles
from config.goal_metrics import GoalCollector
from config.metrics import REJECTED, count_callbacks, count_events, count_swept
from config.periodic_work import worker_seconds
from config.scraped_metrics import DeploymentCollector
from config.settings import settings
from config.wiring.events import event_context
from config.wiring.loaded_files import config_files, of_files
from config.wiring.reload import answer_request, reload_files
from config.wiring.sending import leases, limiter, pool, sender, timeline_fence, worker_lease
from config.wiring.shared import (
    broker,
    database,
    end_unless_paired,
    intake,
    lanes,
    pairing,
    process_name,
    queue_depths,
    reminder_plan,
    schema_watch,
    webhook_stream,
)
from config.wiring.tracing import on_accepted, on_called_back, on_dispatched
from harkara.backends.broker import HINTS
from harkara.callbacks.delivery import CallbackDelivery
from harkara.chatmitra.webhooks import parse
from harkara.delivery.budgets import Budgets
from harkara.delivery.conversations import Conversations
from harkara.delivery.dispatcher import Dispatcher
from harkara.delivery.hints import Hints
from harkara.delivery.last_posts import LastPosts
from harkara.delivery.leased_rounds import Rounds
from harkara.delivery.lone_sender import LoneSender
from harkara.delivery.maintenance import Maintenance
from harkara.delivery.parked_lanes import ParkedLanes
from harkara.delivery.reengagement import Reengagement
from harkara.delivery.table_statistics import TableStatistics
from harkara.delivery.watchdog import Watchdog
from harkara.errors import Unavailable
from harkara.intake.consumer import IntakeConsumer
from harkara.ledger.alarms.alarms import list_alarms
from harkara.ledger.alarms.record import list_goals
from harkara.ledger.callbacks.dead_callbacks import clean_up
from harkara.ledger.callbacks.dead_callbacks import count_callbacks as callbacks_by_state
from harkara.ledger.dead_letters import SOURCES, count_dead_letters
from harkara.ledger.events.silence import webhook_silences
from harkara.ledger.halts import halted_lanes
from harkara.ledger.leases import seconds_since
from harkara.ledger.messages.due import oldest_due_seconds
from harkara.ledger.messages.undone import count_undone
from harkara.ledger.messages.used_slots import allowances_used
from harkara.ledger.sweep import Crashed
from harkara.outcomes import Uncertain
from harkara.published.store import PublishedStore
from harkara.redis_client import connect
from harkara.webhooks.process import EventProcessor


@of_files
def intake_consumer(files: ConfigFiles) -> IntakeConsumer:
    return IntakeConsumer(
        intake(),
        database(),
        lone_sender().hint,
        plan=files.plan,
        deadlines=settings().deadlines,
        queued_seconds=leases().queued,
        rejected=REJECTED.inc,
        on_accepted=on_accepted,
    )


@cache
def lone_sender() -> LoneSender:
    """Return the thread that sends lone messages; a reload of the files changes the parts that it uses."""

    def send(ids: Sequence[str], *, urgent: bool) -> None:
        pairing().require()  # as the task of a hint does
        sender().send(ids, urgent=urgent)

    return LoneSender(send, lambda released: dispatcher().hint(released), pool().is_idle)


@cache
def last_posts() -> LastPosts:
    return LastPosts(database(), connect(settings().broker_url, seconds=3), lanes())


def compare_posts() -> None:
    """Park the lanes if the ledger lacks POSTs that were made. Raises Unavailable."""
    timeline_fence().check()
    last_posts().compare()


@of_files
def dispatcher(files: ConfigFiles) -> Dispatcher:
    s = settings()
    return Dispatcher(
        database(),
        rounds(),
        files.lanes,
        limiter(),
        Hints(broker().publish_hints, s.chunk_size),
        hints_waiting=_hints_waiting,
        queued_seconds=leases().queued,
        depth=s.depth,
        on_dispatched=on_dispatched,
    )


@of_files
def maintenance(files: ConfigFiles) -> Maintenance:
    s = settings()
    return Maintenance(
        database(),
        rounds(),
        _after_crash,
        files.plan,
        deadlines=s.deadlines,
        retention_seconds=s.retention_seconds,
        history_seconds=s.history_seconds,
        may_judge=worker_lease().may_judge,
        on_swept=count_swept,
    )


@of_files
def budgets(files: ConfigFiles) -> Budgets:
    return Budgets(database(), rounds(), files.lanes)


@of_files
def event_processor(files: ConfigFiles) -> EventProcessor:
    return EventProcessor(
        database(),
        webhook_stream(),
        event_context(files),
        holder=process_name(),
        silence_seconds=settings().silence.total_seconds(),
        check_seconds=worker_seconds("silence"),
        on_processed=count_events,
    )


@cache
def conversations() -> Conversations:
    return Conversations(database(), rounds(), parse)


@of_files
def reengagement(files: ConfigFiles) -> Reengagement:
    return Reengagement(database(), rounds(), files.assistant, files.lanes, settings().deadlines)


@cache
def parked_lanes() -> ParkedLanes:
    return ParkedLanes(database())


@cache
def table_statistics() -> TableStatistics:
    return TableStatistics(database(), rounds())


@cache
def callback_delivery() -> CallbackDelivery | None:
    """Return None when no callback URL is set."""
    to = endpoint(settings())
    return CallbackDelivery(database(), to, on_results=count_callbacks, on_posted=on_called_back) if to else None


def deliver_callbacks() -> None:
    """Deliver the callbacks that are due, if a callback URL is set. Raises Unavailable."""
    if delivery := callback_delivery():
        delivery.round()


def delete_old_callbacks() -> None:
    """Delete callbacks past their retention, also when no callback URL is set any more. Raises Unavailable."""
    clean_up(database(), settings().retention_seconds)


def check_pairing() -> None:
    """End this worker if Redis or the ledger has become another's. Raises Unavailable."""
    end_unless_paired(_stop_worker)


def schema_check() -> Callable[[], None]:
    """Return the check that ends this worker if it no longer works with the schema. It raises Unavailable."""
    return schema_watch(_stop_worker)


def publish_plan() -> None:
    """Publish the catalogue and the rules to Redis, for producers without the database. Raises Unavailable."""
    _published_store().publish(reminder_plan().catalogue, reminder_plan())


def reload() -> None:
    """Read the files of `config/` again if `harkara reload` asks. Raises nothing."""
    answer_request(lambda: reload_files("worker", _publish_new_plan))


@cache
def watchdog() -> Watchdog:
    # After SIGTERM Celery ends its tasks. A process that ignores it has no POST under way by the second call.
    signals = iter((signal.SIGTERM, signal.SIGKILL))
    return Watchdog(lambda: broker().ping(OWN), lambda: os.kill(os.getpid(), next(signals)))


@cache
def collector() -> DeploymentCollector:
    return DeploymentCollector(
        queue_depths,
        lambda: count_undone(database()),
        lambda: callbacks_by_state(database()),
        lambda: seconds_since(database(), "heartbeat"),
        lambda: webhook_silences(database(), lanes()),
        lambda: dict.fromkeys(SOURCES, 0) | count_dead_letters(database()),
        lambda: {halt.lane: halt.code for halt in halted_lanes(database())},
    )


@cache
def goal_collector() -> GoalCollector:
    return GoalCollector(
        lambda: list_goals(database()),
        lambda: list_alarms(database(), open_only=True, limit=1000),
        lambda: oldest_due_seconds(database()),
        lambda: allowances_used(database(), lanes()),
    )


@cache
def rounds() -> Rounds:
    return Rounds(database(), process_name(), worker_seconds)


def _hints_waiting() -> int:
    """Return the number of hints in the longer of their queues. Raises Unavailable."""
    depths = broker().queue_depths()
    return max(depths[queue] for queue in HINTS)


@cache
def _published_store() -> PublishedStore:
    return PublishedStore(connect(settings().broker_url, seconds=3))


def _publish_new_plan() -> None:
    """If this fails, the periodic work publishes the plan within a minute."""
    with suppress(Unavailable):
        publish_plan()


def _stop_worker() -> None:
    """Let Celery finish its tasks, take no more, and exit with 1."""
    worker_state.should_stop = 1  # type: ignore[assignment]  # Celery takes it as the exit status


def _after_crash(crashed: Crashed) -> Uncertain:
    """Return what the playbook says. Webhooks can be evidence only in a lane that receives them."""
    lane = lanes().get(crashed.lane)
    return config_files().playbook.after_crash(crashed, evidence=lane is not None and lane.webhooks_enabled)
