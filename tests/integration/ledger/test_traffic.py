"""How messages flow through a lane, as the console shows it."""

from __future__ import annotations

from datetime import datetime, timedelta

from harkara.ledger.database import Database
from harkara.ledger.halts import hold_producer
from harkara.ledger.messages.today import count_states_since
from harkara.ledger.messages.traffic import due_by_priority, planned_by_hour, posts_by_minute
from harkara.outcomes import Refused
from harkara.states import State
from tests.integration.ledger.bulk import fill, only_analyzed_here
from tests.integration.ledger.steps import (
    accept_messages,
    age_messages,
    marketing,
    otp,
    reply,
    send_message,
    update_message,
)
from tests.integration.ledger.test_search_plans import explained

REFUSED = Refused("131026", "Not on WhatsApp.", "Ask for another number.")


def hour_of(db: Database) -> datetime:
    return db.now().replace(minute=0, second=0, microsecond=0)


def test_posts_are_counted_by_minute(db: Database) -> None:
    first = db.now().replace(second=0, microsecond=0) - timedelta(minutes=10)
    for n, seconds in enumerate((30.0, 45.0, 200.0)):
        send = send_message(db, reply(n))
        age_messages(db, (db.now() - first).total_seconds() - seconds, send)
    send_message(db, reply(9))  # after the last of these minutes
    assert posts_by_minute(db, "default", first, 5) == [2, 0, 0, 1, 0]
    assert posts_by_minute(db, "shop", first, 5) == [0] * 5


def test_minutes_before_the_posts_that_are_read_are_not_known(db: Database) -> None:
    first = db.now().replace(second=0, microsecond=0) - timedelta(minutes=10)
    for n, seconds in enumerate((10.0, 70.0, 80.0, 130.0)):
        age_messages(db, (db.now() - first).total_seconds() - seconds, send_message(db, reply(n)))
    assert posts_by_minute(db, "default", first, 3, most=2) == [None, None, 1]
    assert posts_by_minute(db, "default", first, 3, most=4) == [1, 2, 1]


def test_what_becomes_due_is_counted_by_hour_and_priority(db: Database) -> None:
    hour = hour_of(db)
    later = hour + timedelta(hours=2, minutes=5)
    accept_messages(db, reply(1, at=later), marketing(2, at=later), marketing(3, at=later))
    accept_messages(db, reply(4, at=hour + timedelta(hours=3)), reply(5), reply(6, at=hour + timedelta(hours=30)))
    found = planned_by_hour(db, "default", hour, 24)
    assert found[2:4] == [[0, 1, 0, 2], [0, 1, 0, 0]]
    assert sum(sum(each) for each in found if each) == 4
    cut = planned_by_hour(db, "default", hour, 24, most=3)
    assert (cut[2], cut[3], cut[23]) == ([0, 1, 0, 2], None, None)


def test_what_is_due_is_counted_by_priority_without_what_is_on_hold(db: Database) -> None:
    late = accept_messages(db, otp(1), marketing(2), marketing(3), marketing(4, producer="paused"))
    accept_messages(db, reply(5, at=db.now() + timedelta(hours=1)), reply(6, lane="shop"))
    age_messages(db, 90, late[1])
    with db.write() as tx:
        hold_producer(tx, "default", "paused", "campaign-paused", "Paused by Asha.")
    found = {(each.lane, each.priority): each for each in due_by_priority(db, ["default"])}
    assert {key: each.number.number for key, each in found.items()} == {("default", 0): 1, ("default", 3): 2}
    assert 90 <= (db.now() - found["default", 3].since).total_seconds() < 600
    assert all(each.number.exact for each in found.values())
    (codes, many) = due_by_priority(db, ["default"], most=1)
    assert [str(codes.number), str(many.number)] == ["1", "1+"]
    assert due_by_priority(db, ["north"]) == []


def test_the_messages_of_a_day_are_counted_by_state(db: Database) -> None:
    send_message(db, reply(1))
    send_message(db, reply(2), REFUSED)
    accept_messages(db, reply(3, lane="shop"))
    midnight = db.now() - timedelta(hours=6)
    (old,) = accept_messages(db, reply(4))
    update_message(db, old, created_at=midnight - timedelta(seconds=1))
    found = count_states_since(db, midnight)
    assert (found.by_state, found.all) == ({State.ACCEPTED: 1, State.FAILED: 1, State.WAITING: 1}, True)
    assert (found.number(), found.number(State.FAILED, State.ACCEPTED)) == (3, 2)
    assert count_states_since(db, midnight, ["shop"]).by_state == {State.WAITING: 1}
    assert not count_states_since(db, midnight, most=2).all


def test_a_message_that_was_handed_over_shortly_before_the_day_counts_for_the_day_of_its_acceptance(
    db: Database,
) -> None:
    midnight = db.now() + timedelta(minutes=50)
    (late,) = accept_messages(db, reply(1))
    assert count_states_since(db, midnight).number() == 0
    update_message(db, late, created_at=midnight + timedelta(minutes=5))
    assert count_states_since(db, midnight).number() == 1


def test_no_query_reads_all_messages(db: Database) -> None:
    (template,) = accept_messages(db, reply())
    fill(db, template, 5_000)
    with only_analyzed_here(db), explained(db) as plans:
        posts_by_minute(db, "default", hour_of(db), 60)
        planned_by_hour(db, "default", hour_of(db), 24)
        due_by_priority(db, ["default"])
        count_states_since(db, hour_of(db))
    assert len(plans) >= 3
    assert [plan for plan in plans if {"message", "attempt"} & plan] == []
