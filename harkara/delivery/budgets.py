"""The round of budgets: sums charges, holds marketing that is paid for no more, and logs what is nearly used up."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

import structlog

from harkara.delivery.leased_rounds import Rounds
from harkara.lanes import Lane
from harkara.ledger.charges.budgets import check_budgets
from harkara.ledger.charges.spend_sums import add_to_sums
from harkara.ledger.database import Database
from harkara.money.budgets import BudgetStatus

LIMIT_SECONDS = 5.0
"""How long a round adds charges to the sums at most; the next one continues."""

log = structlog.get_logger(__name__)


class Budgets:
    """Checks the budgets in rounds, by the calendars of these lanes."""

    def __init__(self, db: Database, rounds: Rounds, lanes: Mapping[str, Lane]) -> None:
        self._db = db
        self._rounds = rounds
        self._zones = {name: lane.zone for name, lane in lanes.items()}

    def check(self) -> None:
        """Sum the charges, hold and release marketing, and log each budget once when it is nearly used up.

        Raises Unavailable.
        """
        warned, held = self._rounds.run("budgets", self._check) or ([], [])
        for status in warned:
            log.warning("budget nearly used up", action="budget_warned", **_fields(status))
        for status in held:
            log.error("budget used up: marketing waits", action="budget_held", **_fields(status))

    def _check(self) -> tuple[list[BudgetStatus], list[BudgetStatus]]:
        end = monotonic() + LIMIT_SECONDS
        while add_to_sums(self._db) and monotonic() < end:
            pass
        return check_budgets(self._db, self._zones)


def _fields(status: BudgetStatus) -> dict[str, object]:
    budget = status.budget
    of = {"campaign": budget.campaign_id} if budget.campaign_id else {}
    return {"lane": budget.lane, "period": budget.period, "percent": int(100 * status.share), **of}
