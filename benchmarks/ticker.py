"""Dispatches again and again as a worker would, and says how long each time took. `python -m benchmarks.ticker`."""

from __future__ import annotations

import json
import sys
import time

from sqlalchemy import update

from config import wiring
from harkara.ledger.tables import message


def main(ticks: int, every_seconds: float, start: float) -> None:
    """`start` is seconds since the epoch."""
    rounds = wiring.rounds()
    rounds.dispatch(at_once=True)  # opens the connections
    took = []
    released = []
    for tick in range(ticks):
        time.sleep(max(0.0, start + (tick + 1) * every_seconds - time.time()))
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
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
