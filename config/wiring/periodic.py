"""The periodic threads of a worker, from the schedule."""

from __future__ import annotations

from collections.abc import Callable

from config.schedule import SCHEDULE, THREADS, WorkerRound
from config.wiring import upkeep
from harkara.delivery.periodic import INTERVAL_SECONDS, PeriodicThread, every


def periodic_threads() -> list[PeriodicThread]:
    """Return a thread for each of the schedule's. Raises KeyError for a work of the schedule without a function."""
    functions = _functions()
    rounds = {name: work.worker for name, work in SCHEDULE.items() if work.worker}
    return [
        PeriodicThread(*(_timed(round_, functions[name]) for name, round_ in rounds.items() if round_.thread == thread))
        for thread in THREADS
    ]


def _functions() -> dict[str, Callable[[], object]]:
    events, maintenance = upkeep.event_processor(), upkeep.maintenance()
    return {
        "accept": upkeep.intake_consumer().drain,
        "collect": events.collect,
        "process": events.process,
        "sweep": maintenance.sweep,
        "campaigns": maintenance.campaigns,
        "dispatch": upkeep.dispatcher().dispatch,
        "publish": upkeep.publish_plan,
        "probe": upkeep.watchdog().probe,
        "silence": events.check_silence,
        "derive": maintenance.derive,
        "clean_up": upkeep.delete_old_callbacks,
        "callbacks": upkeep.deliver_callbacks,
    }


def _timed(round_: WorkerRound, function: Callable[[], object]) -> Callable[[], object]:
    return function if round_.seconds <= INTERVAL_SECONDS else every(round_.seconds, function)
