"""Each change of state that concerns the application writes one callback, in the transaction of the change."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from harkara.ledger.audit import audit
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.campaigns import commands as campaigns
from harkara.ledger.database import Database
from harkara.ledger.messages import commands
from harkara.ledger.messages.accept import accept_as_failed
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.queries import get_status
from harkara.ledger.messages.record import record
from harkara.ledger.sweep import POISON_CLAIMS
from harkara.ledger.tables import callback, message
from harkara.outcomes import Cancelled, Outcome, Refused, Uncertain, Wait
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger import occasions
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.outbox import HOUR, age_callbacks, callback_rows, notified_states, payloads_of
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    accept_messages,
    age_messages,
    begin_posts,
    claim_messages,
    dispatch_all,
    record_outcome,
    reply,
    run_sweep,
    send_message,
    states_of,
)

REFUSED = Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400)
NUMBER_AND_TEXT = ("9198765", "Your table is ready", "493817")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (ACCEPTED, "accepted"),
        (REFUSED, "failed"),
        (LOST, "uncertain"),
        (Cancelled("expired", "Its deadline passed."), "cancelled"),
    ],
)
def test_an_outcome_that_is_recorded_twice_causes_one_callback(
    callback_db: Database, outcome: Outcome, state: str
) -> None:
    (message_id,) = accept_messages(callback_db, reply())
    (claimed,) = claim_messages(callback_db, message_id)
    posted = not isinstance(outcome, Cancelled)
    if posted:
        begin_posts(callback_db, claimed)
    for _ in range(2):
        record_outcome(callback_db, claimed, outcome, posted=posted)
    assert notified_states(callback_db, message_id) == [state]


def test_a_better_reason_for_uncertain_causes_another_callback(callback_db: Database) -> None:
    (message_id,) = accept_messages(callback_db, reply())
    (claimed,) = claim_messages(callback_db, message_id)
    begin_posts(callback_db, claimed)
    age_messages(callback_db, 31)
    run_sweep(callback_db)
    record_outcome(callback_db, claimed, LOST)
    assert [data["code"] for data in payloads_of(callback_db, message_id)] == ["crashed", LOST.code]


def test_the_states_before_an_outcome_cause_no_callback(callback_db: Database) -> None:
    first, second = accept_messages(callback_db, reply(1), reply(2))
    dispatch_all(callback_db)
    (claimed,) = claim_messages(callback_db, first)
    begin_posts(callback_db, claimed)
    record_outcome(callback_db, claimed, Wait(20, "429", "Too many requests."))
    claim_messages(callback_db, second)
    age_messages(callback_db, 11)
    run_sweep(callback_db)
    assert states_of(callback_db, [first, second]) == ["waiting", "waiting"]
    assert notified_states(callback_db) == []


def cancelled(db: Database) -> tuple[str, list[str]]:
    (message_id,) = accept_messages(db, reply())
    for _ in range(2):
        commands.cancel(db, [message_id], "Asha")
    return message_id, ["cancelled"]


def expired(db: Database) -> tuple[str, list[str]]:
    (message_id,) = accept_messages(db, reply(expires=datetime.now(UTC) + timedelta(seconds=30)))
    age_messages(db, 31)
    run_sweep(db)
    return message_id, ["cancelled"]


def poisoned(db: Database) -> tuple[str, list[str]]:
    (message_id,) = accept_messages(db, reply())
    for _ in range(POISON_CLAIMS):
        claim_messages(db, message_id)
        age_messages(db, 11)
        run_sweep(db)
    return message_id, ["failed"]


def crashed_resent_and_accepted(db: Database) -> tuple[str, list[str]]:
    (message_id,) = accept_messages(db, reply())
    begin_posts(db, *claim_messages(db, message_id))
    age_messages(db, 31)
    run_sweep(db, resend_after=5)
    age_messages(db, 6)
    run_sweep(db)
    (claimed,) = claim_messages(db, message_id)
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    return message_id, ["uncertain", "accepted"]


def answered_after_the_sweep(db: Database) -> tuple[str, list[str]]:
    (message_id,) = accept_messages(db, reply())
    (claimed,) = claim_messages(db, message_id)
    begin_posts(db, claimed)
    age_messages(db, 31)
    run_sweep(db)
    record_outcome(db, claimed, REFUSED)
    return message_id, ["uncertain", "failed"]


def resent_and_expired(db: Database) -> tuple[str, list[str]]:
    message_id = send_message(
        db, reply(expires=datetime.now(UTC) + timedelta(seconds=30)), Uncertain("reset", "Lost", 5)
    )
    age_messages(db, 6)
    run_sweep(db)
    age_messages(db, 30)
    run_sweep(db)
    return message_id, ["uncertain", "uncertain"]  # not cancelled, since an earlier try may have arrived


def resolved_as_sent(db: Database) -> tuple[str, list[str]]:
    message_id = send_message(db, reply(), LOST)
    commands.resolve(db, message_id, "sent", "Asha")
    return message_id, ["uncertain", "accepted"]


def resolved_as_dropped(db: Database) -> tuple[str, list[str]]:
    message_id = send_message(db, reply(), LOST)
    commands.resolve(db, message_id, "drop", "Asha")
    return message_id, ["uncertain", "cancelled"]


def resolved_by_a_resend(db: Database) -> tuple[str, list[str]]:
    message_id = send_message(db, reply(), LOST)
    commands.resolve(db, message_id, "resend", "Asha")
    (claimed,) = claim_messages(db, message_id)
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    return message_id, ["uncertain", "accepted"]


def refused_on_acceptance(db: Database) -> tuple[str, list[str]]:
    envelope = reply()
    for _ in range(2):
        accept_as_failed(db, envelope, "unknown-lane", "No lane has this name.", DEADLINES)
    return envelope.id, ["failed"]


def superseded(db: Database) -> tuple[str, list[str]]:
    occasions.save(db, occasions.visit())
    first = occasions.reminder_rows(db)[0]["id"]
    occasions.save(db, occasions.visit(at=occasions.noon(5)))
    return first, ["cancelled"]


def cancelled_with_its_campaign(db: Database) -> tuple[str, list[str]]:
    message_id = load_campaign(db, 1)
    with db.read() as tx:
        only = tx.execute(select(message.c.id).where(message.c.campaign_id == message_id)).scalar_one()
    campaigns.cancel(db, message_id, "Asha")
    return str(only), ["cancelled"]


@pytest.mark.parametrize(
    "history",
    [
        cancelled,
        expired,
        poisoned,
        crashed_resent_and_accepted,
        answered_after_the_sweep,
        resent_and_expired,
        resolved_as_sent,
        resolved_as_dropped,
        resolved_by_a_resend,
        refused_on_acceptance,
        superseded,
        cancelled_with_its_campaign,
    ],
    ids=lambda history: history.__name__.replace("_", " "),
)
def test_each_change_in_every_history_causes_one_callback(
    callback_db: Database, history: Callable[[Database], tuple[str, list[str]]]
) -> None:
    message_id, changes = history(callback_db)
    assert notified_states(callback_db, message_id) == changes
    assert audit(callback_db).clean


def test_a_callback_shows_the_message_as_its_status_did_at_that_time(callback_db: Database) -> None:
    message_id = send_message(callback_db, reply(reference="order-1042"), LOST)
    status = get_status(callback_db, message_id)
    commands.resolve(callback_db, message_id, "sent", "Asha")
    uncertain, accepted = payloads_of(callback_db, message_id)
    assert uncertain == {name: status[name] for name in uncertain}
    assert (uncertain["state"], uncertain["code"], uncertain["reference"]) == ("uncertain", LOST.code, "order-1042")
    assert (accepted["state"], accepted["flags"]) == ("accepted", [])


def test_the_callback_of_a_reminder_has_its_occasion_and_that_of_a_campaign_its_id(callback_db: Database) -> None:
    reminder, _ = superseded(callback_db)
    (first,) = payloads_of(callback_db, reminder)
    assert first["occasion"]["kind"] == "appointment"
    assert first["occasion"]["reference"] == "visit 7"
    assert first["occasion"]["rule"]
    age_callbacks(callback_db, HOUR)
    campaign_message, _ = cancelled_with_its_campaign(callback_db)
    (second,) = payloads_of(callback_db, campaign_message)
    assert second["campaign"].startswith("camp_")
    assert "occasion" not in second


def test_a_callback_about_a_state_contains_neither_number_nor_text(callback_db: Database) -> None:
    send_message(callback_db, reply())
    send_message(callback_db, reply(1), REFUSED)
    assert [text for text in NUMBER_AND_TEXT for row in callback_rows(callback_db) if text in str(row)] == []


def test_a_callback_of_an_older_release_is_delivered_without_the_missing_columns(callback_db: Database) -> None:
    message_id = send_message(callback_db, reply(reference="order-1042"))
    with callback_db.write() as tx:
        (row,) = tx.rows(select(callback.c.data))
        stored = {name: value for name, value in json.loads(row["data"]).items() if name not in ("tries", "job_id")}
        tx.execute(update(callback).values(data=json.dumps(stored)))
    (data,) = payloads_of(callback_db, message_id)
    assert (data["reference"], data["state"], data["job_id"]) == ("order-1042", "accepted", None)


def test_a_change_that_is_rolled_back_causes_no_callback(callback_db: Database) -> None:
    (message_id,) = accept_messages(callback_db, reply())
    with suppress(ZeroDivisionError), callback_db.write() as tx:
        assert commands.cancel_messages(tx, [message_id], "cancelled", "by Asha") == [message_id]
        raise ZeroDivisionError
    assert notified_states(callback_db) == []


def test_a_group_commit_writes_its_callbacks_in_one_statement(db: Database, callback_db: Database) -> None:
    assert count_statements(callback_db) == count_statements(db) + 1


def test_a_ledger_without_callbacks_enabled_writes_none(db: Database) -> None:
    send_message(db, reply())
    send_message(db, reply(1), REFUSED)
    with db.write() as tx:
        notify(tx, "message.received", "default", "evt_1", {"text": "Hello"})
    assert callback_rows(db) == []


def count_statements(db: Database) -> int:
    """Return the number of statements in a group commit of five accepted messages."""
    claimed = claim_messages(db, *accept_messages(db, *(reply(n) for n in range(5))))
    begin_posts(db, *claimed)
    with executed_statements() as executed, db.write() as tx:
        record(tx, [ClaimResult.of(each, ACCEPTED, posted=True) for each in claimed])
    return len(executed)
