"""Used slots: what a limiter learns from the ledger after Redis lost its memory."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from harkara.ledger.database import Database
from harkara.ledger.messages.used_slots import slots_used
from harkara.ledger.tables import attempt
from tests.integration.ledger.steps import reply, send_message


@pytest.mark.parametrize(("ended", "ages"), [(3, [3.0]), (9, [])])
def test_a_post_counts_from_the_end_of_its_attempt(db: Database, ended: int, ages: list[float]) -> None:
    """It may reach Chat Mitra at any time until then, long after its attempt started."""
    send_message(db, reply())
    with db.write() as tx:
        times = {"started_at": tx.now - timedelta(seconds=20), "ended_at": tx.now - timedelta(seconds=ended)}
        tx.execute(update(attempt).values(**times))
    assert slots_used(db, "default", 5.0, 2.0, 0) == pytest.approx(ages, abs=2)
