"""Used slots: what a limiter learns from the ledger after Redis lost its memory."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from harkara.ledger.database import Database
from harkara.ledger.messages.used_slots import slots_used
from harkara.ledger.tables import attempt
from tests.integration.ledger.steps import accept_messages, begin_posts, claim_messages, reply, send_message


@pytest.mark.parametrize(("ended", "ages"), [(3, [3.0]), (9, [])])
def test_a_post_counts_from_the_end_of_its_attempt(db: Database, ended: int, ages: list[float]) -> None:
    """It may reach Chat Mitra at any time until then, long after its attempt started."""
    send_message(db, reply())
    with db.write() as tx:
        times = {"started_at": tx.now - timedelta(seconds=20), "ended_at": tx.now - timedelta(seconds=ended)}
        tx.execute(update(attempt).values(**times))
    assert slots_used(db, "default", 5.0, 2.0, 5.0, 0) == pytest.approx(ages, abs=2)


@pytest.mark.parametrize(("started", "ages"), [(0, [-20.0]), (45, [-10.0]), (90, [35.0]), (158, [])])
def test_an_open_attempt_counts_as_late_as_it_may_be_posted(db: Database, started: int, ages: list[float]) -> None:
    """It may have missed its slots for up to 55 s, and hold one up to 20 s ahead."""
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    begin_posts(db, claimed)
    with db.write() as tx:
        tx.execute(update(attempt).values(started_at=tx.now - timedelta(seconds=started)))
    assert slots_used(db, "default", 100.0, 20.0, 55.0, 0) == pytest.approx(ages, abs=9)
