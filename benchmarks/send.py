"""A backlog without a limit against a Celery task a message, taskiq, and threads without any queue."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks import race
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.ground import Ground
from benchmarks.race import Lap

CONTESTANTS = {"harkara": race.harkara, "celery": race.celery, "taskiq": race.taskiq, "bare": race.bare}

GOALS = {"celery": 4.0, "taskiq": 2.0, "bare": 0.6}
"""How many times as fast Harkara is to be."""

CPU_PER_THOUSAND = 1.6
MEGABYTES = 280.0


def measure(ground: Ground, quick: bool) -> list[Figure]:
    """The contestants take turns, so that a machine that slows down slows all of them down."""
    if not find_spec("taskiq"):
        raise SystemExit("taskiq, a contestant of `send`, is not here: `make bench` runs where it is.")
    number, rounds = (600, 1) if quick else (6000, 3)
    laps: dict[str, list[Lap]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name, run in CONTESTANTS.items():
            laps[name].append(run(ground, number))
    ours = laps["harkara"]
    return [
        *(_against(rival, ours, laps[rival]) for rival in GOALS),
        Figure("harkara, worker CPU for 1,000", "s", [lap.cpu_per_thousand for lap in ours], at_most(CPU_PER_THOUSAND)),
        Figure("harkara, memory of 2 workers", "MB", [lap.megabytes for lap in ours], at_most(MEGABYTES)),
        *(figure for name, theirs in laps.items() for figure in _facts(name, theirs)),
    ]


def _against(rival: str, ours: list[Lap], theirs: list[Lap]) -> Figure:
    """Round by round, since the machine may be faster in one than in another."""
    ratios = [mine.jobs_per_second / other.jobs_per_second for mine, other in zip(ours, theirs, strict=True)]
    return Figure(f"harkara / {rival}", "×", ratios, at_least(GOALS[rival]))


def _facts(name: str, laps: list[Lap]) -> list[Figure]:
    facts = [
        Figure(f"{name}, messages sent and recorded", "/s", [lap.jobs_per_second for lap in laps]),
        Figure(f"{name}, Redis commands a message", "", [lap.redis_commands for lap in laps]),
        Figure(f"{name}, stand-in's CPU a request", "ms", [lap.api_cpu_ms for lap in laps]),
    ]
    if name == "harkara":
        return facts
    return [
        *facts,
        Figure(f"{name}, worker CPU for 1,000", "s", [lap.cpu_per_thousand for lap in laps]),
        Figure(f"{name}, memory of its workers", "MB", [lap.megabytes for lap in laps]),
    ]
