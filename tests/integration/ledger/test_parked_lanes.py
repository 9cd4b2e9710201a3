"""A parked lane is reported: callbacks to the application, a line in the log, and a metric."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import update
from structlog.testing import capture_logs

from config.scraped_metrics import DeploymentCollector
from harkara.delivery.parked_lanes import ParkedLanes
from harkara.ledger.database import Database
from harkara.ledger.halts import RESTORED, add_halt, halted_lanes, park
from harkara.ledger.restore import park_restored
from harkara.ledger.tables import halt
from harkara.outcomes import Pause, Wait
from tests.integration.ledger.outbox import callback_rows
from tests.integration.ledger.steps import accept_messages, begin_posts, claim_messages, record_outcome, reply, unpark

TOKEN = Pause("lane", None, "401", "Chat Mitra refuses the token.")
BREAKER = Pause("lane", 5.0, "refused", "Not reachable")


def halt_lane(db: Database, pause: Pause, template: str | None = None) -> None:
    with db.write() as tx:
        add_halt(tx, "default", pause, template)


def end_halts(db: Database) -> None:
    with db.write() as tx:
        tx.execute(update(halt).values(until=tx.now - timedelta(seconds=1)))


def reported(db: Database) -> list[tuple[str, Any]]:
    """Return kind and code of the callbacks about the lane."""
    return [(row["kind"], json.loads(row["data"])["code"]) for row in callback_rows(db, "default")]


def test_answers_that_park_a_lane_cause_one_callback_and_its_unparking_another(callback_db: Database) -> None:
    claimed = claim_messages(callback_db, *accept_messages(callback_db, *(reply(n) for n in range(3))))
    begin_posts(callback_db, *claimed)
    for each in claimed:
        record_outcome(callback_db, each, Wait(None, "401", "Token", status=401, pause=TOKEN))
    assert unpark(callback_db, "default") == 1
    assert reported(callback_db) == [("lane.parked", "401"), ("lane.unparked", "401")]
    parked, unparked = (json.loads(row["data"]) for row in callback_rows(callback_db, "default"))
    assert parked == unparked
    assert parked["lane"] == "default"
    assert parked["reason"] == "Chat Mitra refuses the token."
    assert parked["since"].endswith("+00:00")


def test_a_pause_that_ends_by_itself_is_not_reported(callback_db: Database) -> None:
    halt_lane(callback_db, BREAKER)
    halt_lane(callback_db, Pause("template", None, "132015", "Paused"), template="sale")
    assert unpark(callback_db, "default") == 2
    assert reported(callback_db) == []


def test_a_paused_lane_that_is_parked_is_reported_and_so_is_another_code(callback_db: Database) -> None:
    halt_lane(callback_db, BREAKER)
    for pause in (TOKEN, TOKEN, BREAKER):
        halt_lane(callback_db, pause)
    park_restored(callback_db, ["default"])
    assert reported(callback_db) == [("lane.parked", "401"), ("lane.parked", RESTORED)]


def test_of_workers_that_park_a_lane_at_once_one_reports_it(callback_db: Database) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: halt_lane(callback_db, BREAKER if n == 0 else TOKEN), range(8)))
    assert reported(callback_db) == [("lane.parked", "401")]
    assert [(each.state, each.code) for each in halted_lanes(callback_db)] == [("parked", "401")]


def test_a_lane_that_an_operator_parks_is_logged_once(db: Database) -> None:
    lanes = ParkedLanes(db)
    with capture_logs() as lines:
        lanes.check()
        park(db, "default", "Maintenance at the shop")
        for _ in range(2):
            assert lanes.check() == {"default": "operator"}
        unpark(db, "default")
        halt_lane(db, BREAKER)
        for _ in range(2):
            lanes.check()
    parked, unparked = lines
    assert (parked["log_level"], parked["event"], parked["lane"], parked["code"]) == (
        "error",
        "lane parked",
        "default",
        "operator",
    )
    assert "harkara lanes unpark default" in parked["next_step"]
    assert (unparked["log_level"], unparked["event"]) == ("info", "lane unparked")


@pytest.mark.parametrize("pause", [TOKEN, BREAKER], ids=["parked", "paused"])
def test_a_metric_shows_the_lanes_that_send_nothing(db: Database, pause: Pause) -> None:
    registry = CollectorRegistry()
    registry.register(
        DeploymentCollector(
            dict,
            dict,
            dict,
            lambda: None,
            dict,
            dict,
            lambda: {each.lane: each.code for each in halted_lanes(db)},
        )
    )
    line = f'harkara_lane_halted{{code="{pause.code}",lane="default"}} 1.0'
    assert line not in generate_latest(registry).decode()
    halt_lane(db, pause)
    assert line in generate_latest(registry).decode()
    end_halts(db)
    assert line not in generate_latest(registry).decode(), "one message may try"
