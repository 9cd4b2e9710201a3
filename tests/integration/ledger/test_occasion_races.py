"""An occasion that is saved while the retention erases past ones keeps its number, and so its reminders."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from harkara.ledger.database import Database
from harkara.ledger.occasions.commands import apply_updates
from harkara.ledger.retention import erase_old
from harkara.occasions import OccasionUpdate
from harkara.shared_defaults import DEADLINES
from harness.waiting import wait_until
from tests.integration.ledger.occasions import PLAN, closing, noon, occasion_rows, reminder_rows, save, visit
from tests.integration.ledger.steps import DAY
from tests.integration.ledger.test_lock_order import PATIENCE, is_waiting

pytestmark = pytest.mark.parametrize("db", ["postgres"], indirect=True)

LAST_WEEK = datetime.now(UTC) - timedelta(days=7)


@pytest.mark.parametrize("before", [[], [closing("no-show")]], ids=["open", "closed"])
def test_an_occasion_that_is_moved_into_the_future_meanwhile_is_not_erased(
    db: Database, before: list[OccasionUpdate]
) -> None:
    save(db, visit(at=LAST_WEEK), *before)
    with ThreadPoolExecutor(1) as thread:
        with db.write() as tx:
            apply_updates(tx, [(visit(at=noon(3)), None)], PLAN, DEADLINES)
            erasing = thread.submit(erase_old, db, DAY)
            wait_until(lambda: erasing.done() or is_waiting(db), PATIENCE, "the erasure has met the occasion")
        erasing.result()
    assert [each["recipient"] for each in occasion_rows(db)] == ["919876500001"]
    assert len(reminder_rows(db, state="waiting")) == 2
