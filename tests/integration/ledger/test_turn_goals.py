"""What the turns of a lane show about the goals of its assistant; a lane without an assistant shows none."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from config.environment import ROOT
from harkara.goals import Goals
from harkara.goals.assistant import AssistantDeliveredGoal
from harkara.ledger.alarms.measure import measure
from harkara.ledger.alarms.record import record
from harkara.ledger.database import Database
from harkara.ledger.model_halt import may_ask, record_outcome
from harkara.ledger.tables import goal, halt, trace, turn
from tests.integration.ledger.steps import reply
from tests.integration.ledger.test_goals import LANES, explained, read
from tests.integration.ledger.webhooks import deliver_webhooks, send_message, status_webhook

DAY: dict[str, Any] = {"period": "1d", "fewest": 4}


def had_turns(db: Database, *rows: dict[str, Any], hours_ago: float = 0.5) -> None:
    shared = {"lane": "default", "outcome": "sent", "source": "model", "milliseconds": 1000, "price": 0}
    shared |= {"failure": None, "message_id": None}
    with db.write() as tx:
        number = tx.execute(text("SELECT count(*) FROM turn")).scalar_one()
        at = tx.now - timedelta(hours=hours_ago)
        tx.execute(
            insert(turn),
            [
                shared | {"id": f"turn_{number + n}", "person": f"p{number + n}", "revision": n, "at": at} | row
                for n, row in enumerate(rows)
            ],
        )


def test_a_lane_without_an_assistant_has_no_reading(db: Database) -> None:
    goals = Goals.load(ROOT / "config" / "goals.toml")
    assert [each for each in measure(db, goals, LANES) if each.goal.startswith("assistant")] == []
    had_turns(db, {}, hours_ago=8 * 24)
    assert [each for each in measure(db, goals, LANES) if each.goal.startswith("assistant")] == []
    had_turns(db, {})
    shown = {each.goal: each.value for each in measure(db, goals, LANES) if each.goal.startswith("assistant")}
    names = [f"assistant-{name}" for name in ("time", "delivered", "hand-over", "failed", "price")]
    assert shown == dict.fromkeys(names, None) | {"assistant-failed": 0, "assistant-model": 0}


def test_the_time_in_which_most_answers_are_made(db: Database) -> None:
    had_turns(db, *({"milliseconds": each} for each in (500, 900, 2500)), {"outcome": "superseded"})
    section = DAY | {"most": "3s", "share": 0.75}
    assert read(db, "assistant-time", **section) == [None]
    had_turns(db, {"milliseconds": 60_000})
    assert read(db, "assistant-time", **section) == [pytest.approx(2.5)]


def test_the_share_of_answers_that_hand_over(db: Database) -> None:
    had_turns(db, {}, {}, {}, {"outcome": "handed-over"}, {"outcome": "silent"}, {"outcome": "superseded"})
    assert read(db, "assistant-hand-over", **DAY, most=0.15) == [0.25]


def test_turns_that_failed_in_the_last_hour_open_an_alarm(db: Database) -> None:
    goals = Goals.model_validate({"open-after": "1s", "assistant-failed": {"most": 1, "period": "1h"}})
    had_turns(db, {"outcome": "failed"}, {"outcome": "handed-over", "failure": "timeout"}, {})
    had_turns(db, {"outcome": "failed"}, hours_ago=2)
    assert measured_since(db, goals) == ["2 turns of the assistant failed in 1 h; the goal is at most 1."]


def test_a_model_that_is_down_opens_an_alarm_which_closes_when_a_probe_succeeds(db: Database) -> None:
    goals = Goals.model_validate({"open-after": "1s", "close-after": "1s", "assistant-model": {"most": "1s"}})
    had_turns(db, {})
    for _ in range(3):
        record_outcome(db, failed=True)
    with db.write() as tx:
        minutes_ago = tx.now - timedelta(minutes=2)
        tx.execute(update(halt).values(since=minutes_ago, until=tx.now))
    assert measured_since(db, goals)[0].startswith("The language model has been down for 2")
    assert may_ask(db) == "probe"
    record_outcome(db, failed=False)
    record(db, goals, measure(db, goals, LANES), [])
    _long_ago(db)
    assert len(record(db, goals, measure(db, goals, LANES), []).closed) == 1


def measured_since(db: Database, goals: Goals) -> list[str]:
    """Return the sentences of the alarms that open once the goals were missed for long."""
    record(db, goals, measure(db, goals, LANES), [])
    _long_ago(db)
    return [each.sentence for each in record(db, goals, measure(db, goals, LANES), []).opened]


def _long_ago(db: Database) -> None:
    with db.write() as tx:
        tx.execute(update(goal).values(since=tx.now - timedelta(minutes=5)))


def test_the_price_of_a_conversation(db: Database) -> None:
    had_turns(db, *({"person": person, "price": 300_000} for person in ("a", "a", "b", "c", "d")))
    assert read(db, "assistant-price", **DAY, most=0.5) == [pytest.approx(0.375)]


def test_the_share_of_answers_that_is_delivered_in_time(db: Database) -> None:
    identities = [send_message(db, reply(n)) for n in range(3)]
    for n in range(2):
        deliver_webhooks(db, status_webhook(db, "delivered", f"wamid.{n}", n=n))
    had_turns(db, *({"message_id": each} for each in identities), {"message_id": None})
    with db.write() as tx:
        at = tx.now - timedelta(minutes=29)
        tx.execute(update(trace).where(trace.c.event == "delivered").values(at=at))
    section: dict[str, Any] = {"least": 0.98, "within": "10m", "period": "1h", "fewest": 3}
    assert read(db, "assistant-delivered", **section) == [pytest.approx(2 / 3)]
    with db.write() as tx:
        tx.execute(text("UPDATE message SET state = 'cancelled' WHERE state = 'accepted'"))
    assert read(db, "assistant-delivered", **section | {"fewest": 2}) == [1.0]
    assert AssistantDeliveredGoal.model_validate(section).is_missed(2 / 3)


def test_each_query_reads_the_turns_of_a_lane_by_its_index(db: Database) -> None:
    had_turns(db, *({} for _ in range(3000)), hours_ago=90 * 24)
    had_turns(db, *({} for _ in range(30)))
    if not db.sqlite:
        with db.write() as tx:
            tx.execute(text("ANALYZE turn"))
    with explained() as plans:
        list(measure(db, Goals.load(ROOT / "config" / "goals.toml"), LANES))
    assert any("ix_turn_lane_at" in plan for plan in plans)
    assert [plan for plan in plans if re.search(r"Seq Scan on turn|SCAN turn(?! USING)", plan)] == []
