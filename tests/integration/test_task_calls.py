"""Calls by task name: what Celery delivers twice is applied once, and None is no value, as for the client."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from harkara.ledger.database import Database
from harkara.ledger.tables import message, occasion
from harness.valkey import ValkeyServer
from tests.integration.ledger.occasions import VISIT
from tests.integration.test_occasions import run

ENQUEUE = """
from tasks.accept import enqueue
body = {"recipient_mobile_number": "919876500001", "message": "Hello", "customer_name": "Asha"}
options = dict.fromkeys(["reference", "lane", "category", "at", "customer_name"])
for call in ("one", "one", "two"):
    enqueue.apply(args=[body], kwargs=options, task_id=call, throw=True)
"""

SAVE = f"""
from tasks.occasion import occasion
options = {{"zone": None, "lane": None, "version": None, "to": "919876500001", "at": "2031-03-09T10:30"}}
occasion("save", "appointment", "visit 7", parameters={VISIT!r}, **options)
"""


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_call_without_a_reference_that_is_delivered_twice_is_one_message(
    db: Database, valkey_server: ValkeyServer
) -> None:
    done = run(db, valkey_server, ENQUEUE)
    assert done.returncode == 0, done.stderr
    with db.read() as tx:
        found = tx.rows(select(message.c.reference, message.c.lane, message.c.body).order_by(message.c.reference))
    assert [(row["reference"], row["lane"]) for row in found] == [("task:one", "default"), ("task:two", "default")]
    assert all("Asha" in row["body"] for row in found)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_an_occasion_without_a_zone_has_that_of_its_lane(db: Database, valkey_server: ValkeyServer) -> None:
    done = run(db, valkey_server, SAVE)
    assert done.returncode == 0, done.stderr
    with db.read() as tx:
        assert [(row["lane"], row["zone"]) for row in tx.rows(select(occasion))] == [("default", "Asia/Kolkata")]
