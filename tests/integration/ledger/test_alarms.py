"""An alarm opens once when its goal is missed for long, is acknowledged, and closes when the goal is met again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harkara.errors import Conflict, NotFound
from harkara.goals import Reading
from harkara.ledger.alarms.alarms import acknowledge, list_alarms
from harkara.ledger.alarms.notices import mark_done, mark_failed, open_notices
from harkara.ledger.alarms.record import FORGOTTEN, list_goals, record
from harkara.ledger.database import Database
from tests.integration.ledger.alarms import GOALS, measured, open_one, wait_minutes
from tests.integration.ledger.outbox import callback_rows, claim_callbacks


def test_an_alarm_opens_once_after_its_goal_was_missed_for_two_minutes(db: Database) -> None:
    assert not measured(db, 6).opened
    wait_minutes(db, 1)
    assert not measured(db, 7).opened
    wait_minutes(db, 1)
    (opened,) = measured(db, 8).opened
    assert (opened.goal, opened.lane, opened.subject, opened.state) == ("errors", "default", None, "open")
    assert opened.sentence == "8 messages failed in 1 h; the goal is at most 5."
    assert opened.opened_at - opened.missed_since >= timedelta(minutes=2)
    wait_minutes(db, 60)
    assert not measured(db, 9).opened
    assert [each["id"] for each in list_alarms(db)] == [opened.id]


def test_a_goal_that_is_met_in_between_opens_no_alarm(db: Database) -> None:
    for value in (6, 0, 6, 0, 6):
        assert not measured(db, value).opened
        wait_minutes(db, 1.5)
    assert list_alarms(db) == []


def test_an_alarm_closes_after_its_goal_was_met_for_five_minutes(db: Database) -> None:
    identity = open_one(db)
    for value in (0, 6, 0):  # it does not flap
        assert not measured(db, value).closed
        wait_minutes(db, 4)
    wait_minutes(db, 1)
    (closed,) = measured(db, None).closed  # nothing to judge misses no goal
    assert (closed.id, closed.state) == (identity, "closed")
    assert list_alarms(db, open_only=True) == []
    assert open_one(db) != identity


def test_an_alarm_opens_and_closes_after_the_clock_of_the_database_was_set_back(db: Database) -> None:
    """Otherwise it would wait until the clock reaches the time that was noted before."""
    measured(db, 6)
    wait_minutes(db, -24 * 60)
    measured(db, 6)
    wait_minutes(db, 3)
    (opened,) = measured(db, 6).opened
    measured(db, 0)
    wait_minutes(db, -24 * 60)
    measured(db, 0)
    wait_minutes(db, 6)
    assert [each.id for each in measured(db, 0).closed] == [opened.id]


def test_lanes_and_subjects_have_alarms_of_their_own(db: Database) -> None:
    open_one(db, lane="north")
    open_one(db, goal="beat", lane="", value=90.0)
    open_one(db)
    shown = [(each.title, each.lane) for each in list_alarms(db)]
    assert shown == [("errors (lane default)", "default"), ("beat", None), ("errors (lane north)", "north")]
    assert [each.title for each in list_alarms(db, lanes=["north"])] == ["beat", "errors (lane north)"]


def test_the_first_who_acknowledges_an_alarm_stays(db: Database) -> None:
    identity = open_one(db)
    found = acknowledge(db, identity, "Asha")
    assert (found.state, found.acknowledged_by) == ("acknowledged", "Asha")
    assert acknowledge(db, identity, "Ravi").acknowledged_by == "Asha"
    assert not measured(db, 9).opened
    with pytest.raises(NotFound):
        acknowledge(db, identity, "Asha", lanes=["north"])
    with pytest.raises(NotFound):
        acknowledge(db, "alarm_unknown", "Asha")


def test_a_closed_alarm_is_not_acknowledged(db: Database) -> None:
    identity = open_one(db)
    measured(db, 0)
    wait_minutes(db, 6)
    measured(db, 0)
    with pytest.raises(Conflict):
        acknowledge(db, identity, "Asha")


def test_a_goal_without_a_reading_stays_as_it_is_for_an_hour_and_is_then_forgotten(db: Database) -> None:
    identity = open_one(db)
    wait_minutes(db, 10)
    assert not record(db, GOALS, [], []).closed
    wait_minutes(db, FORGOTTEN.total_seconds() / 60)
    (closed,) = record(db, GOALS, [], []).closed
    assert closed.id == identity
    assert list_goals(db) == []


def test_a_goal_that_is_not_in_the_file_is_not_recorded(db: Database) -> None:
    record(db, GOALS, [Reading("disk", 1.0), Reading("errors", 2, "default")], [])
    assert [(each.goal, each.value, each.limit, each.missed) for each in list_goals(db)] == [("errors", 2, 5, False)]


def test_opening_and_closing_have_a_callback_without_personal_data(callback_db: Database) -> None:
    identity = open_one(callback_db)
    measured(callback_db, 0)
    wait_minutes(callback_db, 6)
    measured(callback_db, 0)
    assert [row["kind"] for row in callback_rows(callback_db, identity)] == ["alarm.opened", "alarm.closed"]
    opened, closed = (claimed.data for claimed in claim_callbacks(callback_db))
    assert (opened["goal"], opened["state"], opened["limit"]) == ("errors", "open", 5.0)
    assert (closed["id"], closed["state"]) == (identity, "closed")


def test_each_receiver_has_a_notice_until_it_takes_it(db: Database) -> None:
    identity = open_one(db, "slack", "whatsapp")
    first, second = open_notices(db)
    assert [(each.receiver, each.event, each.alarm.id) for each in (first, second)] == [
        ("slack", "alarm.opened", identity),
        ("whatsapp", "alarm.opened", identity),
    ]
    mark_failed(db, first.id)
    mark_done(db, second.id)
    assert [(each.receiver, each.tries, each.expired) for each in open_notices(db)] == [("slack", 1, False)]


def test_a_closed_alarm_is_deleted_after_ninety_days(db: Database) -> None:
    open_one(db, "slack")
    measured(db, 0)
    wait_minutes(db, 6)
    measured(db, 0)
    assert len(list_alarms(db)) == 1
    wait_minutes(db, 91 * 24 * 60)
    measured(db, 0)
    assert list_alarms(db) == []
    assert open_notices(db) == []
