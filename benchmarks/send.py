"""A backlog without a limit: Harkara against a Celery task for each message, taskiq, and threads without a queue."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks import contest
from benchmarks.contest import Run
from benchmarks.environment import Environment
from benchmarks.figure import Figure, at_least, at_most

CONTESTANTS = {"harkara": contest.harkara, "celery": contest.celery, "taskiq": contest.taskiq, "bare": contest.bare}

GOALS = {"celery": 4.0, "taskiq": 2.0, "bare": 0.6}
"""The least ratio of Harkara's rate to the contestant's."""

CPU_PER_THOUSAND = 1.6
MEGABYTES = 280.0


def measure(environment: Environment, quick: bool) -> list[Figure]:
    """Let the contestants take turns, so that a machine that slows down slows all of them down."""
    if not find_spec("taskiq"):
        raise SystemExit("taskiq, a contestant of `send`, is not installed: run `make bench`, which installs it.")
    number, rounds = (600, 1) if quick else (6000, 3)
    runs: dict[str, list[Run]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name, contestant in CONTESTANTS.items():
            runs[name].append(contestant(environment, number))
    ours = runs["harkara"]
    return [
        *(_ratio(rival, ours, runs[rival]) for rival in GOALS),
        Figure("harkara, worker CPU for 1,000", "s", [run.cpu_per_thousand for run in ours], at_most(CPU_PER_THOUSAND)),
        Figure("harkara, memory of 2 workers", "MB", [run.megabytes for run in ours], at_most(MEGABYTES)),
        *(figure for name, theirs in runs.items() for figure in _facts(name, theirs)),
    ]


def _ratio(rival: str, ours: list[Run], theirs: list[Run]) -> Figure:
    """Compare round by round, since the machine may be faster in one round than in another."""
    ratios = [mine.jobs_per_second / other.jobs_per_second for mine, other in zip(ours, theirs, strict=True)]
    return Figure(f"harkara / {rival}", "×", ratios, at_least(GOALS[rival]))


def _facts(name: str, runs: list[Run]) -> list[Figure]:
    facts = [
        Figure(f"{name}, messages sent and recorded", "/s", [run.jobs_per_second for run in runs]),
        Figure(f"{name}, Redis commands a message", "", [run.redis_commands for run in runs]),
        Figure(f"{name}, stand-in's CPU a request", "ms", [run.api_cpu_ms for run in runs]),
    ]
    if name == "harkara":
        return facts
    return [
        *facts,
        Figure(f"{name}, worker CPU for 1,000", "s", [run.cpu_per_thousand for run in runs]),
        Figure(f"{name}, memory of its workers", "MB", [run.megabytes for run in runs]),
    ]
