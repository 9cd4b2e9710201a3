"""A backlog without a limit: Harkara against designs with one task for each message, and threads without a queue."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks import contest
from benchmarks.about import About
from benchmarks.contest import Run
from benchmarks.environment import Environment
from benchmarks.figure import Figure, at_least, at_most

ABOUT = About(
    "A backlog without a limit",
    "All contestants do the same work with two worker processes: validate a text, POST it to a server that answers "
    "after 50 ms, and store the outcome in PostgreSQL, which syncs every commit to disk. They take turns in each "
    "round, 8,000 messages each. A rate is from the first POST to the last stored outcome; a ratio compares rates of "
    "the same round. A worker of Harkara, taskiq or the bare threads has 160 messages under way at most, one of Celery "
    "or dramatiq 32: the processor limits those, and more threads sent no more.",
    "starting the processes, handing the messages over (except in the CPU of all parts of Harkara), the CPU of the "
    "server that answers, TLS, and the network: all runs on one machine.",
)

CONTESTANTS = {
    "harkara": contest.harkara,
    "celery": contest.celery,
    "taskiq": contest.taskiq,
    "dramatiq": contest.dramatiq,
    "bare threads": contest.bare,
}

RIVALS = {
    "celery": ("one Celery task per message", at_least(5.0)),
    "taskiq": ("taskiq", at_least(2.4)),
    "dramatiq": ("dramatiq", None),
    "bare threads": ("bare threads with requests, no queue", at_least(1.0)),
}
"""How a rival is called, and the least ratio of Harkara's rate to its rate."""

WORKER_CPU, TOTAL_CPU, MEGABYTES = at_most(0.9), at_most(1.3), at_most(240)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    """Let the contestants take turns, so that a machine that slows down slows all of them down."""
    if not find_spec("dramatiq"):
        raise SystemExit("The contestants of `send` are not installed: run `make bench`, which installs them.")
    number, rounds = (600, 1) if quick else (8000, 3)
    runs: dict[str, list[Run]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name, contestant in CONTESTANTS.items():
            runs[name].append(contestant(environment, number))
    ours = runs["harkara"]
    return [
        *(_ratio(rival, ours, runs[rival]) for rival in RIVALS),
        Figure("worker CPU for 1,000 messages", "s", [run.worker_cpu for run in ours], WORKER_CPU),
        Figure("CPU of all parts for 1,000 messages", "s", [run.total_cpu for run in ours], TOTAL_CPU),
        Figure("memory of 2 workers", "MB", [run.megabytes for run in ours], MEGABYTES),
        *(figure for name, theirs in runs.items() for figure in _facts(name, theirs)),
    ]


def _ratio(rival: str, ours: list[Run], theirs: list[Run]) -> Figure:
    """Compare round by round, since the machine may be faster in one round than in another."""
    ratios = [mine.jobs_per_second / other.jobs_per_second for mine, other in zip(ours, theirs, strict=True)]
    name, goal = RIVALS[rival]
    return Figure(f"against {name}", "×", ratios, goal)


def _facts(name: str, runs: list[Run]) -> list[Figure]:
    rate = Figure(f"{name}: sent and recorded", "/s", [run.jobs_per_second for run in runs])
    commands = Figure(f"{name}: Redis commands per message", "", [run.redis_commands for run in runs])
    if name == "harkara":
        return [rate, commands]
    return [
        rate,
        commands,
        Figure(f"{name}: worker CPU for 1,000 messages", "s", [run.worker_cpu for run in runs]),
        Figure(f"{name}: memory of its workers", "MB", [run.megabytes for run in runs]),
    ]
