"""The Celery app: names its broker, its queues and its beat; holds no task itself."""

from __future__ import annotations

from uuid import uuid4

from celery import Celery
from kombu import Exchange, Queue

from config.settings import settings
from harkara.backends.broker import ACCEPT, HINTS, QUEUES, QUIET_TRANSPORT, SEND, UPKEEP

ROUTES = {
    "harkara.accept": ACCEPT,
    "harkara.enqueue": ACCEPT,
    "harkara.occasion": ACCEPT,
    "harkara.send": SEND,
    "harkara.dispatch": UPKEEP,
    "harkara.sweep": UPKEEP,
    "harkara.record": UPKEEP,
    "harkara.fold": UPKEEP,
    "harkara.heartbeat": UPKEEP,
    "harkara.audit": UPKEEP,
}

OWN = f"harkara.own.{uuid4().hex}"
"""The queue of this one process, by which it feels its own pulse: first of all, since it holds one task at most."""

app = Celery("harkara", broker=settings().broker_url)
app.conf.update(
    imports=(
        "tasks.accept",
        "tasks.occasion",
        "tasks.send",
        "tasks.dispatch",
        "tasks.sweep",
        "tasks.record",
        "tasks.fold",
        "tasks.watch",
    ),
    # Threads finish what they hold on SIGTERM, also when a process manager signals the whole group; prefork
    # children would die in mid-POST.
    worker_pool="threads",
    worker_concurrency=settings().chunks,
    # A hint that is lost is made anew, so it needs no copy in `unacked` until it is acknowledged: two writes to Redis'
    # disk less before the message goes out.
    task_queues=(
        Queue(OWN, Exchange(OWN), routing_key=OWN, no_ack=True, auto_delete=True),
        *(Queue(name, Exchange(name), routing_key=name, no_ack=name in HINTS) for name in QUEUES),
    ),
    task_default_queue=UPKEEP,
    task_routes={task: {"queue": queue} for task, queue in ROUTES.items()},
    task_serializer="json",
    accept_content=["json"],
    # The ledger is the one store of truth.
    task_ignore_result=True,
    result_backend=None,
    # A message here is a hint: one that is lost is found by the sweep, so nothing is acknowledged late.
    task_acks_late=False,
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    task_publish_retry=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options=QUIET_TRANSPORT | {"queue_order_strategy": "priority", "visibility_timeout": 3600},
    broker_pool_limit=32,
    # It would kill threads in mid-POST, which is how silent duplicates are made.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # Three publications for each chunk, a tenth of a busy worker's time: Flower asks for them while somebody runs it.
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=True,
    timezone="UTC",
    beat_schedule={
        "dispatch": {"task": "harkara.dispatch", "schedule": 1.0, "options": {"expires": 5}},
        "sweep": {"task": "harkara.sweep", "schedule": 5.0, "options": {"expires": 20}},
        "accept": {"task": "harkara.accept", "schedule": 1.0, "options": {"expires": 5}},
        "fold": {"task": "harkara.fold", "schedule": 5.0, "options": {"expires": 20}},
        "heartbeat": {"task": "harkara.heartbeat", "schedule": 10.0, "options": {"expires": 30}},
        "audit": {"task": "harkara.audit", "schedule": 3600.0, "options": {"expires": 600}},
    },
    beat_scheduler="config.beat:Beat",
    beat_sync_every=1,
    beat_schedule_filename=str(settings().var / "beat-schedule"),
)
