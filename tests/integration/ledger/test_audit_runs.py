"""Requested audits: one at a time, run by one worker, with its progress and its result in the ledger."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.event import listen, remove

from harkara.ledger.audit_runs import AuditStatus, audit_status, request_audit, run_requested
from harkara.ledger.database import Database
from harkara.ledger.tables import audit_run
from harkara.ledger.users.acts import Actor, list_acts
from tests.integration.ledger.steps import reply, send_message

ASHA, RAVI = Actor("Asha", "console"), Actor("Ravi", "console")


def test_two_people_who_request_an_audit_get_one(db: Database) -> None:
    send_message(db, reply())
    assert audit_status(db).requested_at is None
    assert run_requested(db, "worker 1") is None
    assert request_audit(db, ASHA)
    assert not request_audit(db, RAVI)
    assert (audit_status(db).requested_by, audit_status(db).begun_at) == ("Asha", None)
    report = run_requested(db, "worker 1")
    assert report
    assert report.clean
    assert run_requested(db, "worker 2") is None
    found = audit_status(db)
    assert (found.requested_at, found.done_for, found.report) == (None, "Asha", report)
    assert [(each.name, each.act, each.subject, each.number) for each in list_acts(db)] == [
        ("Asha", "audit.run", "clean", 1)
    ]


def test_the_hourly_audit_becomes_that_of_the_first_person_who_asks(db: Database) -> None:
    assert request_audit(db)
    assert not request_audit(db, ASHA)
    assert not request_audit(db, RAVI)
    assert run_requested(db, "worker 1")
    assert [each.name for each in list_acts(db)] == ["Asha"]
    request_audit(db)
    assert run_requested(db, "worker 1")
    assert (audit_status(db).done_for, len(list_acts(db))) == (None, 1)


def test_a_worker_that_ends_leaves_the_audit_to_another_one_at_once(db: Database) -> None:
    send_message(db, reply())
    request_audit(db, ASHA)
    answers = iter((False, False, True))
    assert run_requested(db, "worker 1", lambda: next(answers)) is None
    assert run_requested(db, "worker 1", lambda: True) is None
    assert audit_status(db).report is None
    assert run_requested(db, "worker 2")
    assert audit_status(db).done_for == "Asha"


def test_its_progress_is_seen_while_it_runs_and_no_other_worker_begins_it(db: Database) -> None:
    identity = send_message(db, reply())
    with db.write() as tx:
        tx.execute(text("UPDATE message SET state = 'waiting'"))
    request_audit(db, ASHA)
    seen: list[AuditStatus] = []

    def read_status(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM trace" in statement and not seen:
            seen.append(audit_status(db))
            assert run_requested(db, "worker 2") is None

    listen(db.engine, "before_cursor_execute", read_status)
    try:
        report = run_requested(db, "worker 1")
    finally:
        remove(db.engine, "before_cursor_execute", read_status)
    assert report
    assert identity in report.findings[0].ids
    assert [(each.requested_by, bool(each.begun_at)) for each in seen] == [("Asha", True)]
    assert audit_status(db).report == report


def test_an_audit_whose_worker_died_is_begun_anew_by_another(db: Database) -> None:
    request_audit(db, ASHA)
    with db.write() as tx:
        dead = {"holder": "worker 1", "lease_until": tx.now + timedelta(seconds=60)}
        tx.execute(update(audit_run).values(**dead))
    assert run_requested(db, "worker 2") is None
    with db.write() as tx:
        tx.execute(update(audit_run).values(lease_until=tx.now))
    assert run_requested(db, "worker 2")


def test_an_audit_that_fails_is_begun_anew_at_once(db: Database) -> None:
    request_audit(db, ASHA)

    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM campaign" in statement:
            raise ArithmeticError

    listen(db.engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(ArithmeticError):
            run_requested(db, "worker 1")
    finally:
        remove(db.engine, "before_cursor_execute", fail)
    assert run_requested(db, "worker 2")
