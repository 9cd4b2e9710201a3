"""The counts of metrics and of `harkara lanes` read what is not done, however much was sent before."""

from __future__ import annotations

from harkara.ledger.database import Database
from harkara.ledger.messages.undone import count_undone, known_lanes
from tests.integration.ledger.steps import LOST, accept_messages, dispatch_all, reply, send_message
from tests.integration.ledger.test_search_plans import explained


def test_what_is_not_done_is_counted_by_lane_and_state(db: Database) -> None:
    send_message(db, reply(1, lane="quiet"))
    send_message(db, reply(2), LOST)
    accept_messages(db, reply(3))
    dispatch_all(db)
    accept_messages(db, reply(4), reply(5), reply(6, lane="hotel"))
    assert count_undone(db) == {"default": {"uncertain": 1, "queued": 1, "waiting": 2}, "hotel": {"waiting": 1}}
    assert known_lanes(db) == {"default", "hotel", "quiet"}


def test_no_count_reads_what_is_done(db: Database) -> None:
    with explained(db) as plans:
        count_undone(db)
    with explained(db, "\nWITH") as loose:
        assert known_lanes(db) == set()
    assert len(plans) == len(loose) == 1
    assert (plans[0] | loose[0]) & {"message", "attempt"} == set()
