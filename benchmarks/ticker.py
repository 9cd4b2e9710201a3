"""Dispatches again and again as a worker would, and says how long each time took. `python -m benchmarks.ticker`."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from benchmarks.future import schedule
from config import wiring
from config.settings import settings
from harkara import Client
from harkara.ledger.tables import message


def main(ticks: int, every_seconds: float, each: int, first: int) -> None:
    """`each` messages become due from one tick to the next; their numbers are `first` and on."""
    rounds = wiring.rounds()
    rounds.dispatch(at_once=True)  # opens the connections; nothing is due yet
    due = datetime.now(UTC) + timedelta(seconds=3)
    with Client(database_url=settings().ledger_url, seconds=20) as client:
        schedule(client, wiring.database(), ticks * each, first=first, due=due, every_seconds=every_seconds, each=each)
    took, released = [], []
    for tick in range(1, ticks + 1):
        time.sleep(max(0.0, due.timestamp() + tick * every_seconds - time.time()))
        began = time.perf_counter()
        released.append(rounds.dispatch(at_once=True))
        took.append(time.perf_counter() - began)
        _consume()
    print(json.dumps({"seconds": took, "released": released}))


def _consume() -> None:
    """What the workers would have done meanwhile: nothing of what was released is in the way of the next tick."""
    with wiring.database().write() as tx:
        done = {"state": "accepted", "lease_until": None}
        tx.execute(update(message).where(message.c.state == "queued").values(**done))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
