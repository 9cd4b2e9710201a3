"""The periodic threads of a worker, from the schedule."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from config.periodic_work import SCHEDULE, THREADS, WorkerRound
from config.wiring import background
from config.wiring.shared import pairing
from harkara.delivery.periodic_thread import INTERVAL_SECONDS, PeriodicThread, every


def periodic_threads() -> list[PeriodicThread]:
    """Return a thread for each of the schedule's. Raises KeyError for a work of the schedule without a function."""
    functions = _functions()
    rounds = {name: work.worker for name, work in SCHEDULE.items() if work.worker}
    return [
        PeriodicThread(
            *(
                _timed(round_, _paired(name, functions[name]))
                for name, round_ in rounds.items()
                if round_.thread == thread
            )
        )
        for thread in THREADS
    ]


def _functions() -> dict[str, Callable[[], object]]:
    events, maintenance = background.event_processor(), background.maintenance()
    return {
        "compare": background.last_posts().compare,
        "accept": background.intake_consumer().drain,
        "collect": events.collect,
        "process": events.process,
        "sweep": maintenance.sweep,
        "campaigns": maintenance.campaigns,
        "dispatch": background.dispatcher().dispatch,
        "parked": background.parked_lanes().check,
        "publish": background.publish_plan,
        "probe": background.watchdog().probe,
        "silence": events.check_silence,
        "derive": maintenance.derive,
        "clean_up": background.delete_old_callbacks,
        "callbacks": background.deliver_callbacks,
        "pairing": background.check_pairing,
    }


def _paired(name: str, function: Callable[[], object]) -> Callable[[], object]:
    """Return the function with the condition that Redis and the ledger belong together."""

    @wraps(function)
    def run() -> object:
        pairing().require()
        return function()

    return function if name == "pairing" else run


def _timed(round_: WorkerRound, function: Callable[[], object]) -> Callable[[], object]:
    return function if round_.seconds <= INTERVAL_SECONDS else every(round_.seconds, function)
