"""Parked lanes: each is logged when it is parked and when it is unparked, by a worker or by an operator."""

from __future__ import annotations

import structlog

from harkara.ledger.database import Database
from harkara.ledger.halts import TO_RECOVER, parked_lanes

log = structlog.get_logger(__name__)


class ParkedLanes:
    """Compares the parked lanes with those that this process has logged."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._codes: dict[str, str] = {}

    def check(self) -> dict[str, str]:
        """Log what has changed since the last check; return the code of each parked lane. Raises Unavailable."""
        parked = {each.lane: each for each in parked_lanes(self._db)}
        for lane, halt in parked.items():
            # The process that notices an incomplete ledger has logged it.
            if self._codes.get(lane) != halt.code and halt.code not in TO_RECOVER:
                next_step = f"correct the cause, then run `harkara lanes unpark {lane}`"
                log.error(
                    "lane parked",
                    action="lane_parked",
                    lane=lane,
                    code=halt.code,
                    reason=halt.reason,
                    next_step=next_step,
                )
        for lane in sorted(self._codes.keys() - parked.keys()):
            log.info("lane unparked", action="lane_unparked", lane=lane)
        self._codes = {lane: halt.code for lane, halt in parked.items()}
        return self._codes
