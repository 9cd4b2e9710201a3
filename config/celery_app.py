"""The Celery app: its broker, queues and schedule. The tasks are in `tasks/`."""

from __future__ import annotations

from uuid import uuid4

from kombu import Exchange, Queue

from config import queue_elements
from config.environment import drop_foreign_variables
from config.periodic_work import SCHEDULE
from config.redis_celery import TRANSPORT, RedisCelery
from config.settings import settings
from harkara.backends.broker import ACCEPT, HINTS, QUEUES, SEND, THINK, UPKEEP

ROUTES = {
    "harkara.accept": ACCEPT,
    "harkara.enqueue": ACCEPT,
    "harkara.occasion": ACCEPT,
    "harkara.send": SEND,
    "harkara.think": THINK,
    "harkara.dispatch": UPKEEP,
    "harkara.sweep": UPKEEP,
    "harkara.record": UPKEEP,
    "harkara.fold": UPKEEP,
    "harkara.heartbeat": UPKEEP,
    "harkara.audit": UPKEEP,
    queue_elements.REJECT: UPKEEP,
}

OWN = f"harkara.own.{uuid4().hex}"
"""The queue of this one process, for the watchdog's probe. It holds one task at most, so workers read it first."""

IGNORED = drop_foreign_variables()
"""Variables of another Celery, which the `celery` command would read."""

app = RedisCelery("harkara", settings().broker_url, TRANSPORT)
app.conf.update(
    imports=(
        "tasks.accept",
        "tasks.occasion",
        "tasks.send",
        "tasks.dispatch",
        "tasks.think",
        "tasks.sweep",
        "tasks.record",
        "tasks.fold",
        "tasks.self_checks",
        "tasks.reject",
    ),
    # On SIGTERM threads finish their tasks, also when a process manager signals the whole group; prefork children
    # would end in the middle of a POST.
    worker_pool="config.thread_pool:ThreadPool",
    worker_consumer="config.broker_consumer:PatientConsumer",
    worker_concurrency=settings().chunks,
    # The sweep replaces a lost hint, so hints need no copy in `unacked`. That saves two writes to Redis' disk before
    # each POST.
    task_queues=(
        Queue(OWN, Exchange(OWN), routing_key=OWN, no_ack=True, auto_delete=True),
        *(Queue(name, Exchange(name), routing_key=name, no_ack=name in HINTS) for name in QUEUES),
    ),
    task_default_queue=UPKEEP,
    task_routes={task: {"queue": queue} for task, queue in ROUTES.items()},
    task_serializer="json",
    accept_content=["json"],
    # Results are in the ledger alone.
    task_ignore_result=True,
    # The sweep finds the messages of a lost task, so tasks need no late acknowledgement.
    task_acks_late=False,
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    task_publish_retry=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_pool_limit=32,
    # True would end threads in the middle of a POST, and their messages could go out twice.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # Three events for each chunk would cost a tenth of a busy worker's time. Flower turns them on while it runs.
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=True,
    timezone="UTC",
    beat_schedule={
        name: {"task": work.beat.task, "schedule": work.beat.seconds} for name, work in SCHEDULE.items() if work.beat
    },
    beat_scheduler="config.beat_scheduler:Beat",
    beat_sync_every=1,
    beat_schedule_filename=str(settings().var / "beat-schedule"),
)
queue_elements.install(app.tasks)
