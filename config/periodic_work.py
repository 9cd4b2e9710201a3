"""What runs when: all periodic work, who runs it, and the wake-ups that do not wait for it.

Most work has two runners, so that neither beat nor one worker is a single point of failure. Where several processes run
the same work, a lease in the database lets one of them do it in each interval (`harkara.delivery.leased_rounds`).
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Thread = Literal["main", "intake", "thinking", "derivation", "callbacks", "alarms", "audit", "pairing", "lease"]

THREADS: Final[dict[Thread, str]] = {
    "main": "Work that must not wait",
    "intake": "Work that waits for messages in Redis",
    "thinking": "Work that waits for the turns of the assistant",
    "derivation": "Work that may take long",
    "callbacks": "Work that waits for the application",
    "alarms": "Work that waits for the receivers of alarms",
    "audit": "The audit of the ledger, which may take minutes",
    "pairing": "Work that no other work may delay",
    "lease": "The lease of the worker, which must not wait for Redis",
}
"""The periodic threads of each worker. A thread runs its work one after the other, in the order of the schedule."""


class WorkerRound(NamedTuple):
    """A run in a thread of every worker, every `seconds`; 0 for work that waits for something to do."""

    thread: Thread
    seconds: float


class BeatTask(NamedTuple):
    """A task that beat publishes every `seconds`, while a worker takes it.

    It does not expire: that would compare the clocks of beat and worker.
    """

    task: str
    seconds: float


class Work(NamedTuple):
    """One periodic work and its runners."""

    purpose: str
    worker: WorkerRound | None = None
    beat: BeatTask | None = None


SCHEDULE: Final[dict[str, Work]] = {
    # First of all: a ledger that lacks POSTs must send nothing before its lanes are parked.
    "compare": Work("Park the lanes whose last POST the ledger lacks", WorkerRound("main", 5)),
    "accept": Work(
        "Commit the messages of the intake to the ledger",
        WorkerRound("intake", 0),
        BeatTask("harkara.accept", 1),
    ),
    # The answers themselves are made in threads of their own.
    "think": Work(
        "Let the assistant answer the conversations whose turn is due",
        WorkerRound("thinking", 0),
        BeatTask("harkara.think", 5),
    ),
    # Before the sweep: webhooks that waited in Redis are evidence that a message arrived, and prevent a second POST.
    "collect": Work("Store the webhooks that waited in Redis", WorkerRound("main", 1)),
    "process": Work(
        "Apply webhook events to messages and contacts",
        WorkerRound("main", 1),
        BeatTask("harkara.fold", 5),
    ),
    "sweep": Work(
        "Recover messages after crashes and lost hints",
        WorkerRound("main", 1),
        BeatTask("harkara.sweep", 5),
    ),
    "campaigns": Work("Start, pause and finish campaigns", WorkerRound("main", 2)),
    "dispatch": Work(
        "Send hints for the messages that are due",
        WorkerRound("main", 1),
        BeatTask("harkara.dispatch", 1),
    ),
    "parked": Work("Log the lanes that were parked or unparked", WorkerRound("main", 5)),
    # Again and again, since Redis may lose its data.
    "publish": Work("Publish the catalogue and the reminder rules to Redis", WorkerRound("main", 60)),
    "probe": Work("Check that this worker still receives tasks", WorkerRound("main", 10)),
    "silence": Work("Log the lanes that receive no webhooks", WorkerRound("main", 300)),
    # Before the derivation, which may take long and adds many messages.
    "statistics": Work(
        "Renew the statistics by which PostgreSQL plans queries, after many changes", WorkerRound("derivation", 10)
    ),
    "budgets": Work(
        "Sum the charges, and hold the marketing of budgets that are used up", WorkerRound("derivation", 60)
    ),
    "counts": Work("Count the messages of large campaigns for their pages", WorkerRound("derivation", 10)),
    "derive": Work("Derive reminders again after their rules have changed", WorkerRound("derivation", 60)),
    "conversations": Work(
        "Add what an earlier release applied to the conversations, after an upgrade", WorkerRound("derivation", 60)
    ),
    "reengage": Work(
        "Ask who got no answer within 24 hours whether they still need help", WorkerRound("derivation", 60)
    ),
    "erase": Work("Erase and delete what is older than its retention", WorkerRound("derivation", 60)),
    "clean_up": Work("Delete callbacks past their retention", WorkerRound("derivation", 60)),
    "callbacks": Work("Deliver callbacks to the application", WorkerRound("callbacks", 1)),
    "goals": Work("Measure the goals, and open and close their alarms", WorkerRound("alarms", 60)),
    "requested": Work("Run the audit that a person requested in the console", WorkerRound("audit", 2)),
    "pairing": Work("Check that Redis and the ledger belong together", WorkerRound("pairing", 1)),
    "schema": Work("Check that this release works with the schema of the database", WorkerRound("pairing", 10)),
    "reload": Work("Read the files of config/ again after `harkara reload`", WorkerRound("pairing", 1)),
    "worker": Work("Renew the lease by which the sweep knows that this worker lives", WorkerRound("lease", 2)),
    "heartbeat": Work(
        "Record that beat, Redis, a worker and the ledger work together", beat=BeatTask("harkara.heartbeat", 10)
    ),
    "audit": Work("Check the ledger against its rules", beat=BeatTask("harkara.audit", 3600)),
}


class WakeUp(NamedTuple):
    """A task that a process publishes at once, so that the next step does not wait for the periodic work."""

    method: str | None
    """Of `harkara.backends.broker.Broker`; None for the one that producers write without Celery."""
    task: str
    cause: str


WAKE_UPS: Final = (
    WakeUp(None, "harkara.accept", "A producer appended to the intake"),
    WakeUp("publish_hints", "harkara.send", "A message is due, accepted or dispatched"),
    WakeUp("notify_webhooks", "harkara.fold", "The HTTP API stored a webhook"),
    WakeUp("publish_outcome", "harkara.record", "A worker has an outcome that the database does not take"),
    WakeUp("ping", "harkara.pulse", "The watchdog probes its own worker"),
)


def worker_seconds(name: str) -> float:
    """Return the interval of a work in the workers. Raises KeyError for one that no worker runs."""
    work = SCHEDULE[name]
    if work.worker is None:
        raise KeyError(name)
    return work.worker.seconds
