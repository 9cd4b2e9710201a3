"""A reminder is given when the last one that the present recipient may have received is right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.commands import cancel, resolve
from harkara.ledger.occasions.commands import rederive
from harkara.ledger.occasions.queries import get_occasion
from harkara.ledger.tables import message
from harkara.occasions import OccasionKey
from harkara.occasions.status import OccasionStatus
from harkara.outcomes import Outcome, Refused, Uncertain, Wait
from harkara.receipt import Change
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.occasions import (
    PLAN,
    VISIT,
    move_into_past,
    noon,
    occasion_rows,
    reminder_rows,
    rules_and_states,
    save,
    visit,
)
from tests.integration.ledger.steps import (
    ACCEPTED,
    begin_posts,
    claim_messages,
    record_outcome,
    run_sweep,
    update_message,
)
from tests.integration.ledger.webhooks import deliver_webhooks, status_webhook

ASHA, RAVI = "+919876500001", "+919876500002"
MORNING, AFTERNOON = noon(3), noon(3) + timedelta(hours=4)


@pytest.fixture(autouse=True)
def _audited(db: Database) -> Iterator[None]:
    """Audit the ledger after each test."""
    yield
    assert audit(db).findings == []


def test_a_corrected_number_gets_the_reminder_that_went_to_the_wrong_one(db: Database) -> None:
    save(db, visit(to=ASHA))
    send(db, "-24h")
    assert save(db, visit(to=RAVI)) == [Change.CHANGED]
    assert waiting(db) == [("-24h", RAVI), ("-2h", RAVI)]
    assert save(db, visit(to=RAVI)) == [Change.UNCHANGED]
    send(db, "-24h")
    save(db, visit(to=RAVI, parameters={**VISIT, "place": "Room 5"}))
    assert waiting(db) == [("-2h", RAVI)]


@pytest.mark.parametrize(
    ("outcome", "again"), [(ACCEPTED, []), (Refused("131026", "", "Ask.", 400), [("-24h", "+553188888888")])]
)
def test_another_spelling_of_the_number_is_the_same_person_unless_the_reminder_failed(
    db: Database, outcome: Outcome, again: list[tuple[str, str]]
) -> None:
    save(db, visit(to="+5531988888888"))
    send(db, "-24h", outcome)
    save(db, visit(to="+553188888888"))
    assert waiting(db) == [*again, ("-2h", "+553188888888")]


def test_a_number_that_is_corrected_back_got_its_reminder_already(db: Database) -> None:
    save(db, visit(to=ASHA))
    send(db, "-24h")
    save(db, visit(to=RAVI))
    save(db, visit(to=ASHA))
    assert waiting(db) == [("-2h", ASHA)]


def test_a_number_that_is_corrected_back_after_a_move_gets_the_new_time(db: Database) -> None:
    save(db, visit(to=ASHA, at=MORNING))
    send(db, "-24h")
    save(db, visit(to=RAVI, at=AFTERNOON))
    send(db, "-24h")
    save(db, visit(to=ASHA, at=AFTERNOON))
    assert waiting(db) == [("-24h", ASHA), ("-2h", ASHA)]


def test_a_corrected_number_whose_reminder_is_too_late_is_shown_with_the_reason(db: Database) -> None:
    as_agreed = {**VISIT, "date": "as agreed", "time": "as agreed"}  # the date itself would move with the occasion
    save(db, visit(to=ASHA, parameters=as_agreed))
    send(db, "-24h")
    move_into_past(db, timedelta(days=3))
    assert shown(db).skipped == ()
    save(db, visit(to=RAVI, at=occasion_rows(db)[0]["at"]))
    assert ("-24h", "too-late") in [(each.rule, each.code) for each in shown(db).skipped]


def test_a_failure_that_the_wrong_number_reports_changes_nothing_for_the_right_one(db: Database) -> None:
    save(db, visit(to=ASHA))
    claimed = claim(db, "-24h")
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    save(db, visit(to=RAVI))
    deliver_webhooks(db, status_webhook(db, "failed", to=None, message=None, jobId=ACCEPTED.job_id, code="131026"))
    assert rules_and_states(db)[0] == ("-24h", "failed")
    assert waiting(db) == [("-24h", RAVI), ("-2h", RAVI)]


def test_a_reminder_that_failed_at_the_present_number_has_no_successor(db: Database) -> None:
    save(db, visit(to=ASHA))
    send(db, "-24h", Refused("131026", "", "Ask.", 400))
    save(db, visit(to=RAVI))
    save(db, visit(to=ASHA))
    assert waiting(db) == [("-2h", ASHA)]


def test_after_a_move_there_and_back_the_last_reminder_is_corrected(db: Database) -> None:
    move_there_and_back(db)
    assert waiting(db) == [("-24h", ASHA), ("-2h", ASHA)]
    send(db, "-24h")
    assert save(db, visit(at=MORNING)) == [Change.UNCHANGED]
    save(db, visit(at=MORNING, parameters={**VISIT, "place": "Room 5"}))
    assert waiting(db) == [("-2h", ASHA)]


def test_a_move_there_and_back_between_two_reminders_needs_no_correction(db: Database) -> None:
    save(db, visit(at=MORNING))
    send(db, "-24h")
    save(db, visit(at=AFTERNOON))
    save(db, visit(at=MORNING))
    assert waiting(db) == [("-2h", ASHA)]


def test_any_rule_of_the_other_time_makes_a_correction_necessary(db: Database) -> None:
    save(db, visit(at=MORNING))
    send(db, "-24h")
    save(db, visit(at=AFTERNOON))
    send(db, "-2h")
    save(db, visit(at=MORNING))
    assert waiting(db) == [("-24h", ASHA), ("-2h", ASHA)]


@pytest.mark.parametrize("outcome", [ACCEPTED, Uncertain("timeout", "No answer.", None)])
def test_a_reminder_in_flight_during_the_move_back_is_corrected_after_its_outcome(
    db: Database, outcome: Outcome
) -> None:
    in_flight = move_back_during_post(db)
    assert waiting(db) == [("-2h", ASHA)], "whether the other time arrives is not known yet"
    record_outcome(db, in_flight, outcome)
    assert rederive(db, PLAN, DEADLINES) == 1
    assert waiting(db) == [("-24h", ASHA), ("-2h", ASHA)]
    assert rederive(db, PLAN, DEADLINES) == 0


def test_a_reminder_in_flight_that_did_not_leave_needs_no_correction(db: Database) -> None:
    record_outcome(db, move_back_during_post(db), Wait(1, "refused", "Not reachable."))
    assert rederive(db, PLAN, DEADLINES) == 1
    assert waiting(db) == [("-2h", ASHA)]


def test_a_reminder_whose_worker_died_during_the_move_back_is_corrected(db: Database) -> None:
    move_back_during_post(db)
    with db.write() as tx:
        tx.execute(update(message).where(message.c.state == "sending").values(lease_until=tx.now))
    run_sweep(db)
    rederive(db, PLAN, DEADLINES)
    assert waiting(db) == [("-24h", ASHA), ("-2h", ASHA)]


def test_an_uncertain_reminder_before_the_other_time_is_not_sent_again_beside_its_correction(db: Database) -> None:
    save(db, visit(at=MORNING))
    send(db, "-24h", Uncertain("timeout", "No answer.", 600))
    uncertain = reminder_rows(db, "-24h", "uncertain")[0]
    save(db, visit(at=AFTERNOON))
    send(db, "-24h")
    save(db, visit(at=MORNING))
    assert waiting(db) == [("-24h", ASHA), ("-2h", ASHA)]
    assert reminder_rows(db, "-24h", "uncertain")[0]["revision"] == uncertain["revision"], "the gate refuses it"


def test_an_uncertain_reminder_stays_the_present_one_after_a_move_there_and_back(db: Database) -> None:
    save(db, visit(at=MORNING))
    send(db, "-24h", Uncertain("timeout", "No answer.", 600))
    save(db, visit(at=AFTERNOON))
    save(db, visit(at=MORNING))
    assert waiting(db) == [("-2h", ASHA)]
    assert reminder_rows(db, "-24h", "uncertain")[0]["revision"] == 3


def test_a_dropped_reminder_may_have_arrived_and_is_corrected(db: Database) -> None:
    save(db, visit(at=MORNING))
    send(db, "-24h")
    save(db, visit(at=AFTERNOON))
    send(db, "-24h", Uncertain("timeout", "No answer.", None))
    resolve(db, reminder_rows(db, "-24h", "uncertain")[0]["id"], "drop", by="Asha")
    save(db, visit(at=MORNING))
    assert waiting(db) == [("-24h", ASHA), ("-2h", ASHA)]


def test_a_correction_that_an_operator_cancelled_stays_cancelled(db: Database) -> None:
    move_there_and_back(db)
    cancel(db, [reminder_rows(db, "-24h", "waiting")[0]["id"]], by="Asha")
    save(db, visit(at=MORNING, parameters={**VISIT, "place": "Room 5"}))
    assert waiting(db) == [("-2h", ASHA)]


def test_a_reminder_with_older_parameters_is_shown_with_the_reason(db: Database) -> None:
    save(db, visit())
    send(db, "-24h")
    assert shown(db).skipped == ()
    save(db, visit(parameters={**VISIT, "place": "Room 5"}))
    (skipped,) = shown(db).skipped
    assert (skipped.rule, skipped.code) == ("-24h", "already-sent")
    save(db, visit())
    assert shown(db).skipped == ()


def test_reminders_of_an_earlier_release_still_count(db: Database) -> None:
    save(db, visit())
    send(db, "-24h")
    with db.write() as tx:  # before a retention erased the number, or a release stored the time of the POST
        tx.execute(update(message).where(message.c.state == "accepted").values(posted_at=None, recipient=None))
    save(db, visit(parameters={**VISIT, "place": "Room 5"}))
    assert waiting(db) == [("-2h", ASHA)]


def move_there_and_back(db: Database) -> None:
    for at in (MORNING, AFTERNOON):
        save(db, visit(at=at))
        send(db, "-24h")
    save(db, visit(at=MORNING))


def move_back_during_post(db: Database) -> Claimed:
    """Move an occasion and move it back while the reminder of the other time is being POSTed; return its claim."""
    save(db, visit(at=MORNING))
    send(db, "-24h")
    save(db, visit(at=AFTERNOON))
    in_flight = claim(db, "-24h")
    assert begin_posts(db, in_flight)
    save(db, visit(at=MORNING))
    return in_flight


def send(db: Database, rule: str, outcome: Outcome = ACCEPTED) -> None:
    claimed = claim(db, rule)
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, outcome)


def claim(db: Database, rule: str) -> Claimed:
    (reminder,) = reminder_rows(db, rule, "waiting")
    update_message(db, reminder["id"], due_at=noon(-1))
    (claimed,) = claim_messages(db, reminder["id"])
    return claimed


def waiting(db: Database) -> list[tuple[str, str]]:
    """Return rule and recipient of the reminders that are still to be sent, the earliest first."""
    rows = sorted(reminder_rows(db, state="waiting"), key=_due_at)
    return [(row["rule"], f"+{row['recipient']}") for row in rows]


def _due_at(row: dict[str, datetime]) -> datetime:
    return row["due_at"]


def shown(db: Database) -> OccasionStatus:
    return get_occasion(db, OccasionKey("visit 7", "appointment", "default"), PLAN)
