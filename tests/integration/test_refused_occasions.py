"""An update of an occasion that is refused after its hand-over reaches the application and the log, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import select
from structlog.testing import capture_logs

from harkara.intake.consumer import IntakeConsumer
from harkara.intake.occasion_verbs import verb_of
from harkara.intake.stream import Intake
from harkara.ledger.database import Database
from harkara.ledger.tables import callback
from harkara.occasions import OccasionUpdate
from harkara.shared_defaults import DEADLINES
from harness.ledger import open_ledger
from tests.integration.ledger.occasions import PLAN, closing, noon, save, visit


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}", callbacks_enabled=True) as database:
        yield database


def consumer(redis_client: redis.Redis, db: Database) -> IntakeConsumer:
    intake = Intake(redis_client, "reader")
    return IntakeConsumer(intake, db, lambda hints: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10)


def hand_over(redis_client: redis.Redis, db: Database, update: OccasionUpdate) -> list[dict[str, Any]]:
    """Apply an update that was handed over through Redis; return what was logged."""
    Intake(redis_client).append(verb_of(update), [update.to_json()])
    with capture_logs() as logs:
        consumer(redis_client, db).drain()
    return [dict(entry) for entry in logs if entry.get("action") == "occasion_refused"]


def refusals(db: Database) -> list[dict[str, Any]]:
    with db.read() as tx:
        found = tx.execute(select(callback.c.data).where(callback.c.kind == "occasion.refused")).scalars()
        return [json.loads(data) for data in found]


@pytest.mark.parametrize("status", ["cancelled", "completed", "no-show"])
def test_the_closing_of_an_unknown_occasion_is_reported(redis_client: redis.Redis, db: Database, status: str) -> None:
    (logged,) = hand_over(redis_client, db, closing(status, "visit 8"))
    assert (logged["kind"], logged["why"]) == ("appointment", "no occasion has this reference")
    assert refusals(db) == [
        {
            "kind": "appointment",
            "reference": "visit 8",
            "update": status,
            "version": None,
            "code": "unknown",
            "reason": "no occasion has this reference",
        }
    ]


def test_another_content_under_the_same_version_is_reported(redis_client: redis.Redis, db: Database) -> None:
    save(db, visit(version=1))
    (logged,) = hand_over(redis_client, db, visit(version=1, at=noon(4)))
    (reported,) = refusals(db)
    assert (reported["update"], reported["version"], reported["code"]) == ("saved", 1, "conflict")
    assert reported["reason"] == logged["why"]
    assert "+919876500001" not in json.dumps([reported, str(logged)])


def test_a_refusal_of_an_entry_that_comes_twice_is_reported_once(redis_client: redis.Redis, db: Database) -> None:
    reader = consumer(redis_client, db)
    for _ in range(2):
        reader.save_once(closing(reference="visit 8"), "task 1")
    assert len(refusals(db)) == 1


def test_an_update_that_is_applied_is_not_reported(redis_client: redis.Redis, db: Database) -> None:
    assert hand_over(redis_client, db, visit()) == []
    assert hand_over(redis_client, db, closing("completed")) == []
    assert refusals(db) == []
