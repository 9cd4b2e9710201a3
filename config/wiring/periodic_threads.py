"""The periodic threads of a worker, from the schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from config.periodic_work import SCHEDULE, THREADS, Thread, WorkerRound
from config.wiring import background
from config.wiring.alarms import alarm_round
from config.wiring.audits import run_requested_audit
from config.wiring.sending import worker_lease
from config.wiring.shared import outages, pairing
from config.wiring.thinking import wait_for_turns
from harkara.delivery.periodic_thread import INTERVAL_SECONDS, PeriodicThread, every

_UNPAIRED = {"pairing", "schema", "worker", "goals", "requested"}
"""Work that finds out whether Redis and the ledger belong together, or that needs no Redis."""


def periodic_threads() -> dict[Thread, PeriodicThread]:
    """Return each thread of the schedule by its name. Raises KeyError for a work of the schedule without a function."""
    functions = _functions()
    return {thread: _periodic_thread(thread, functions) for thread in THREADS}


def _periodic_thread(thread: Thread, functions: Mapping[str, Callable[[], object]]) -> PeriodicThread:
    rounds = {name: work.worker for name, work in SCHEDULE.items() if work.worker and work.worker.thread == thread}
    return PeriodicThread(
        *(_timed(round_, _paired(name, functions[name])) for name, round_ in rounds.items()),
        outages=outages(),
        waits=not any(round_.seconds for round_ in rounds.values()),
    )


def _functions() -> dict[str, Callable[[], object]]:
    """Return the function of each work. A reload of the files replaces some of the parts between two rounds."""
    return {
        "compare": background.compare_posts,
        "accept": lambda: background.intake_consumer().listen(INTERVAL_SECONDS),
        "think": lambda: wait_for_turns(INTERVAL_SECONDS),
        "collect": lambda: background.event_processor().collect(),
        "process": lambda: background.event_processor().process(),
        "sweep": lambda: background.maintenance().sweep(),
        "campaigns": lambda: background.maintenance().campaigns(),
        "dispatch": lambda: background.dispatcher().dispatch(),
        "parked": background.parked_lanes().check,
        "publish": background.publish_plan,
        "probe": background.watchdog().probe,
        "silence": lambda: background.event_processor().check_silence(),
        "statistics": background.table_statistics().renew,
        "budgets": lambda: background.budgets().check(),
        "counts": lambda: background.maintenance().counts(),
        "derive": lambda: background.maintenance().derive(),
        "conversations": background.conversations().complete,
        "reengage": lambda: background.reengagement().ask(),
        "erase": lambda: background.maintenance().erase(),
        "clean_up": background.delete_old_callbacks,
        "callbacks": background.deliver_callbacks,
        "goals": lambda: alarm_round().run(),
        "requested": run_requested_audit,
        "pairing": background.check_pairing,
        "schema": background.schema_check(),
        "reload": background.reload,
        "worker": worker_lease().renew,
    }


def _paired(name: str, function: Callable[[], object]) -> Callable[[], object]:
    """Return the function with the name of its work, and the condition that Redis and the ledger belong together."""

    def run() -> object:
        if name not in _UNPAIRED:
            pairing().require()
        return function()

    run.__name__ = name
    return run


def _timed(round_: WorkerRound, function: Callable[[], object]) -> Callable[[], object]:
    return function if round_.seconds <= INTERVAL_SECONDS else every(round_.seconds, function)
