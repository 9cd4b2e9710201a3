"""A reminder that is sent now takes the place of the planned one: of both, the customer gets one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from harkara.errors import Conflict, NotFound
from harkara.lanes import Lane, QuietHours
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.commands import cancel
from harkara.ledger.occasions.commands import rederive
from harkara.ledger.occasions.remind import remind_now
from harkara.ledger.tables import attempt
from harkara.ledger.users.acts import Actor, list_acts
from harkara.occasions import OccasionKey, ReminderPlan
from harkara.outcomes import Refused
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.occasions import (
    PLAN,
    closing,
    load_plan,
    noon,
    reminder_rows,
    rules_and_states,
    save,
    visit,
)
from tests.integration.ledger.steps import ACCEPTED, begin_posts, claim_messages, dispatch_all, record_outcome

KEY = OccasionKey("visit 7", "appointment", "default")
BY = Actor("Asha", "console")
INDIA = ZoneInfo("Asia/Kolkata")


@pytest.fixture(autouse=True)
def _audited(db: Database) -> Iterator[None]:
    """Audit the ledger after each test."""
    yield
    assert audit(db).findings == []


def soon(**distance: float) -> datetime:
    return (datetime.now(INDIA) + timedelta(**distance)).replace(microsecond=0)


def remind(db: Database, plan: ReminderPlan = PLAN) -> str:
    return remind_now(db, KEY, plan, DEADLINES, by=BY)


def send_all(db: Database) -> list[str]:
    """Send what is due; return the ids that were POSTed."""
    return send_hinted(db, dispatch_all(db))


def send_hinted(db: Database, ids: Sequence[str]) -> list[str]:
    claimed = claim_messages(db, *ids, lease_seconds=600)
    begun = {identity for identity, _ in begin_posts(db, *claimed)} if claimed else set()
    for one in claimed:
        if one.id in begun:
            record_outcome(db, one, ACCEPTED)
    return sorted(begun)


def test_the_reminder_that_suits_the_moment_is_due_now_and_the_planned_one_is_not_sent(db: Database) -> None:
    save(db, visit(at=soon(hours=5)))
    (planned,) = [each for each in reminder_rows(db, "-2h") if each["state"] == "waiting"]
    identity = remind(db)
    assert send_all(db) == [identity]
    rows = {each["id"]: each for each in reminder_rows(db, "-2h")}
    assert (rows[planned["id"]]["state"], rows[planned["id"]]["code"]) == ("cancelled", "superseded")
    assert rows[identity]["state"] == "accepted"
    assert rows[identity]["body"] == planned["body"]
    (act,) = list_acts(db)
    assert (act.name, act.act, act.subject) == ("Asha", "occasion.reminded", "appointment visit 7")


def test_it_is_never_sent_twice(db: Database) -> None:
    save(db, visit(at=soon(hours=5)))
    first = remind(db)
    with pytest.raises(Conflict, match="on its way already"):
        remind(db)
    assert send_all(db) == [first]
    with pytest.raises(Conflict, match="was sent already"):
        remind(db)
    rederive(db, PLAN, DEADLINES)
    save(db, visit(at=soon(hours=5), to="+919876500001"))
    assert len(list_acts(db)) == 1


def test_a_planned_reminder_that_was_sent_is_not_sent_again(db: Database) -> None:
    save(db, visit(at=soon(hours=1)))
    assert len(send_all(db)) == 1
    with pytest.raises(Conflict, match="was sent already"):
        remind(db)
    assert list_acts(db) == []


def test_a_reminder_that_failed_or_was_stopped_says_so(db: Database) -> None:
    save(db, visit(at=soon(hours=5)))
    identity = remind(db)
    cancel(db, [identity], by="an operator")
    with pytest.raises(Conflict, match="was stopped"):
        remind(db)
    save(db, visit(at=soon(hours=4)))
    identity = remind(db)
    (claimed,) = claim_messages(db, *dispatch_all(db))
    begin_posts(db, claimed)
    record_outcome(db, claimed, Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400))
    with pytest.raises(Conflict, match="was stopped"):
        remind(db)


def test_nothing_is_sent_when_no_reminder_makes_sense(db: Database) -> None:
    with pytest.raises(NotFound):
        remind(db)
    save(db, visit(at=noon(9)))
    with pytest.raises(Conflict, match="no reminder makes sense now"):
        remind(db)
    save(db, visit(at=soon(minutes=10)))
    with pytest.raises(Conflict, match="no reminder makes sense now"):
        remind(db)
    save(db, closing("completed"))
    with pytest.raises(Conflict, match="not open any more"):
        remind(db)


def test_in_quiet_hours_only_a_rule_that_ignores_them_sends(db: Database) -> None:
    now = datetime.now(INDIA)
    night = QuietHours((now - timedelta(minutes=5)).time(), (now + timedelta(minutes=5)).time(), INDIA)
    plan = load_plan(lane=Lane("default", "token", None, night, INDIA))
    tomorrow = now.replace(hour=23, minute=30, second=0, microsecond=0)
    save(db, visit(at=tomorrow + timedelta(days=1)), plan=plan)
    with pytest.raises(Conflict, match="no reminder makes sense now"):
        remind(db, plan)
    save(db, visit(at=soon(hours=5)), plan=plan)
    assert remind(db, plan)


def test_after_a_move_the_reminder_is_sent_for_the_new_time(db: Database) -> None:
    save(db, visit(at=soon(hours=5)))
    send_all(db)
    remind(db)
    send_all(db)
    save(db, visit(at=soon(hours=4)))
    identity = remind(db)
    assert send_all(db) == [identity]
    assert [state for rule, state in rules_and_states(db) if rule == "-2h"].count("accepted") == 2


def test_of_operators_and_the_planned_one_in_a_race_no_reminder_is_sent_twice(db: Database) -> None:
    """Workers claim and send the planned one, which is due, while two operators press the button."""
    for turn in range(4):
        save(db, visit(f"race {turn}", at=soon(hours=2, seconds=1)))
        key = OccasionKey(f"race {turn}", "appointment", "default")
        start = Barrier(4)

        def press(key: OccasionKey = key, start: Barrier = start) -> None:
            start.wait()
            try:
                remind_now(db, key, PLAN, DEADLINES)
            except Conflict:
                pass

        def work(start: Barrier = start) -> None:
            start.wait()
            for _ in range(5):
                send_all(db)

        with ThreadPoolExecutor(4) as threads:
            for each in [threads.submit(step) for step in (press, press, work, work)]:
                each.result()
    send_all(db)
    send_hinted(db, [row["id"] for row in reminder_rows(db, state="queued")])  # a claim skips what an operator locks
    with db.read() as tx:
        posted = [row["message_id"] for row in tx.rows(select(attempt))]
    sent = [(row["occasion_id"], row["rule"]) for row in reminder_rows(db) if row["id"] in posted]
    # The one of the day before is due at once, too, and goes first if a worker is faster than the operators.
    assert len(posted) == len(sent) == len({*sent}), "no reminder is sent twice"
    assert len({identity for identity, _ in sent}) == 4
