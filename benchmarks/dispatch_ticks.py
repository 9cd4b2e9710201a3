"""Dispatches as a worker does, and prints the seconds of each tick: `python -m benchmarks.dispatch_ticks`."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, create_engine, text

from benchmarks.scheduled import insert_scheduled
from config.settings import settings
from config.wiring.background import dispatcher
from harkara import Client


def main(ticks: int, every_seconds: float, each: int, first: int) -> None:
    """Let `each` messages fall due between two ticks; their numbers are those from `first` on."""
    dispatcher().dispatch(at_once=True)  # opens the connections; nothing is due yet
    ledger = create_engine(settings().ledger_url)
    due = datetime.now(UTC) + timedelta(seconds=3 + ticks * each / 10_000)
    with Client(database_url=settings().ledger_url, seconds=20) as client:
        insert_scheduled(client, ledger, ticks * each, first=first, due=due, every_seconds=every_seconds, each=each)
    assert datetime.now(UTC) < due, "the machine is too busy: the messages were due before they were written"
    seconds, released = [], []
    for tick in range(1, ticks + 1):
        time.sleep(max(0.0, due.timestamp() + tick * every_seconds - time.time()))
        began = time.perf_counter()
        released.append(dispatcher().dispatch(at_once=True))
        seconds.append(time.perf_counter() - began)
        _accept_queued(ledger)
    print(json.dumps({"seconds": seconds, "released": released}))


def _accept_queued(ledger: Engine) -> None:
    """Finish the released messages as workers would, so that they do not count in the next tick."""
    with ledger.begin() as connection:
        connection.execute(text("UPDATE message SET state = 'accepted', lease_until = NULL WHERE state = 'queued'"))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
