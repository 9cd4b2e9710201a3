"""Puts the parts together for this deployment: each part once in a process, made when it is first asked for."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from functools import cache

from config.callbacks import endpoint
from config.celery_app import OWN, app
from config.crash_points import killer
from config.lanes import lanes as lanes_of
from config.metrics import REJECTED, Depths, folded, observe, puzzled, swept, told, webhook
from config.reminders import plan as plan_of
from config.settings import settings
from harkara.backends.broker import Broker
from harkara.callbacks.delivery import CallbackDelivery
from harkara.chatmitra.api import ChatMitra
from harkara.delivery.hints import Hints
from harkara.delivery.pool import Pool
from harkara.delivery.rounds import Rounds
from harkara.delivery.sender import Leases, Sender, no_checkpoint
from harkara.delivery.watchdog import Watchdog
from harkara.inbound.words import Words
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.stream import WEBHOOKS, Intake
from harkara.lanes import Lane
from harkara.ledger import migrate
from harkara.ledger.callbacks.dead_callbacks import counts as callbacks_left
from harkara.ledger.callbacks.dead_callbacks import tidy
from harkara.ledger.database import Database
from harkara.ledger.events.process import Judges
from harkara.ledger.events.silence import silences
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.messages.queries import count_by_state, seconds_since
from harkara.ledger.messages.recent_slots import slots_used
from harkara.ledger.messages.record import Finish
from harkara.ledger.sweep import Crashed
from harkara.limits import HORIZON, Limiter, with_margin
from harkara.occasions import ReminderPlan
from harkara.outcomes import Uncertain
from harkara.playbook import Playbook
from harkara.published.store import PublishedStore
from harkara.redis_client import connect
from harkara.webhooks.process import EventProcessor
from harkara.webhooks.receive import WebhookReceiver


@cache
def database() -> Database:
    s = settings()
    return Database(s.ledger_url, lock_timeout=s.database_patience.total_seconds(), tells=s.callbacks_enabled)


@cache
def lanes() -> dict[str, Lane]:
    return lanes_of(settings())


@cache
def limiter() -> Limiter:
    return Limiter(connect(settings().broker_url, seconds=3), _seed, horizon=horizon())


@cache
def horizon() -> float:
    """No slot lies so far ahead that the claim would run out before it comes."""
    return min(HORIZON, 0.4 * settings().lease.total_seconds())


def _seed(lane: str, mine: int) -> list[float]:
    allowance = lanes()[lane].allowance
    return slots_used(database(), lane, with_margin(allowance.window) if allowance else 0.0, horizon(), mine)


@cache
def playbook() -> Playbook:
    return Playbook.load(settings().playbook_file)


@cache
def plan() -> ReminderPlan:
    return plan_of(settings())


@cache
def shelf() -> PublishedStore:
    return PublishedStore(connect(settings().broker_url, seconds=3))


def lay_plan() -> None:
    """The catalogue and the rules, for producers that know Redis alone. Raises Unavailable."""
    shelf().publish(plan().catalogue, plan())


@cache
def leases() -> Leases:
    s = settings()
    lease = s.lease.total_seconds()
    return Leases(queued=lease, claimed=lease, sending=s.post_timeout.total_seconds() + 10)


@cache
def commit() -> GroupCommit:
    return GroupCommit(database(), spill=spill, checkpoint=checkpoint())


@cache
def pool() -> Pool:
    return Pool(settings().threads)


@cache
def sender() -> Sender:
    s = settings()
    chatmitra = ChatMitra(
        s.chatmitra_api_url,
        s.connect_timeout.total_seconds(),
        s.read_timeout.total_seconds(),
        s.keepalive.total_seconds(),
    )
    return Sender(
        database(),
        commit(),
        pool(),
        lanes(),
        limiter(),
        chatmitra,
        playbook(),
        worker=worker_name(),
        leases=leases(),
        observe=observe,
        checkpoint=checkpoint(),
    )


@cache
def broker() -> Broker:
    return Broker(app)


@cache
def intake() -> Intake:
    return Intake(connect(settings().broker_url, seconds=3), reader=worker_name())


@cache
def reception() -> IntakeConsumer:
    return IntakeConsumer(
        intake(),
        database(),
        rounds().hint,
        plan=plan(),
        deadlines=settings().deadlines,
        queued_seconds=leases().queued,
        rejected=REJECTED.inc,
    )


@cache
def rounds() -> Rounds:
    s = settings()
    return Rounds(
        database(),
        lanes(),
        limiter(),
        Hints(broker().publish_hints, s.chunk_size),
        after_crash,
        plan(),
        holder=worker_name(),
        leases=leases(),
        depth=s.depth,
        deadlines=s.deadlines,
        retention_seconds=s.retention_seconds,
        swept=swept,
    )


def after_crash(crashed: Crashed) -> Uncertain:
    """What the playbook says; evidence there can be where webhooks are let in."""
    lane = lanes().get(crashed.lane)
    return playbook().after_crash(crashed, evidence=lane is not None and lane.hears)


@cache
def words() -> Words:
    return Words.load(settings().words_file)


@cache
def mailbox() -> Intake:
    return Intake(connect(settings().broker_url, seconds=3), reader=worker_name(), stream=WEBHOOKS)


@cache
def webhooks() -> WebhookReceiver:
    return WebhookReceiver(database(), lanes(), mailbox(), ring_fold, came=webhook, puzzled=puzzled)


def ring_fold() -> None:
    """Tells the workers of webhooks, unless somebody just did. Raises Unavailable."""
    if mailbox().notify():
        broker().notify_webhooks()


@cache
def folding() -> EventProcessor:
    return EventProcessor(
        database(),
        mailbox(),
        Judges(lanes(), playbook(), words()),
        holder=worker_name(),
        silence_seconds=settings().silence.total_seconds(),
        folded=folded,
    )


@cache
def courier() -> CallbackDelivery | None:
    """None when the application does not want to be told anything."""
    to = endpoint(settings())
    return CallbackDelivery(database(), to, told=told) if to else None


def tidy_callbacks() -> None:
    """Also where nobody is told any more: what was kept for that must go all the same. Raises Unavailable."""
    tidy(database(), settings().retention_seconds)


@cache
def pulse() -> Watchdog:
    # At first Celery ends what it holds. A process that does not even hear that has no POST under way by the next time.
    ends = iter((signal.SIGTERM, signal.SIGKILL))
    return Watchdog(lambda: broker().ping(OWN), lambda: os.kill(os.getpid(), next(ends)))


@cache
def depths() -> Depths:
    return Depths(
        queue_depths,
        lambda: count_by_state(database()),
        lambda: callbacks_left(database()),
        lambda: seconds_since(database(), "heartbeat"),
        lambda: silences(database(), lanes()),
    )


def queue_depths() -> dict[str, int]:
    """Entries in each queue, in the intake and in the mailbox. Raises Unavailable."""
    return broker().queue_depths() | {"intake": intake().length(), "webhooks": mailbox().length()}


@cache
def checkpoint() -> Callable[[str], None]:
    spec = settings().kill_at
    return killer(spec) if spec else no_checkpoint


@cache
def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def spill(finish: Finish) -> None:
    """The database will not take an outcome: Redis keeps it for whoever reaches the database again."""
    broker().publish_outcome(finish.to_dict())


def check_schema() -> None:
    """The embedded database is brought up to date by itself; another one by whoever is responsible for it."""
    if problem := migrate.schema_problem(database()):
        if settings().database_url is not None:
            raise SystemExit(problem)
        migrate.upgrade(database())
