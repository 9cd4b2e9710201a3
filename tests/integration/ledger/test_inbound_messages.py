"""A customer's message opens the 24-hour window, answers a reminder, or is an opt-out or an opt-in."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from harkara.inbound.contact import UNKNOWN_CONTACT, ContactState
from harkara.inbound.events import MessageReceived
from harkara.inbound.words import Cancel, Confirm, OptIn, OptOut, Reschedule, Words
from harkara.ledger.contacts.contacts import load_contacts
from harkara.ledger.database import Database
from harkara.ledger.events.inbound_messages import InterpretedMessage, record_received
from harkara.ledger.messages.claim import claim
from harkara.ledger.tables import consent, message
from tests.integration.ledger.occasions import closing, noon, occasion_rows, reminder_rows, save, visit
from tests.integration.ledger.steps import (
    ACCEPTED,
    DAY,
    accept_messages,
    age_messages,
    begin_posts,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
    run_sweep,
    send_message,
    states_of,
    update_message,
)

WORDS = Words.load(Path(__file__).parents[3] / "config" / "words.toml")
ASHA = "919876500001"
"""The person number 1 of `steps`."""


def ago(**span: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def receive(
    db: Database, text: str | None = "Hello", *, at: datetime | None = None, **other: Any
) -> InterpretedMessage:
    """Record a message from a customer."""
    options = {key: other.pop(key) for key in ("answers",) if key in other}
    usual: dict[str, Any] = {"identity": "1", "sender": ASHA, "kind": "text", "at": at or ago(), "text": text}
    with db.write() as tx:
        return record_received(tx, other.pop("lane", "default"), MessageReceived(**usual | other), WORDS, **options)


def contact_state(db: Database, person: str = ASHA) -> ContactState:
    with db.read() as tx:
        return load_contacts(tx, [("default", person)]).get(("default", person), UNKNOWN_CONTACT)


def proofs(db: Database) -> list[tuple[str, str, str, str | None]]:
    with db.read() as tx:
        return [(r["wish"], r["category"], r["how"], r["proof"]) for r in tx.rows(select(consent))]


def send_reminder(db: Database, reference: str = "visit 7") -> str:
    """Send the next reminder of an occasion, whenever it is due; return its id."""
    (found,) = (each for each in occasion_rows(db) if each["reference"] == reference)
    message_id = next(r["id"] for r in reminder_rows(db, state="waiting") if r["occasion_id"] == found["id"])
    update_message(db, message_id, due_at=ago())
    (claimed,) = claim(db, [message_id], 10)
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    return str(message_id)


def test_a_message_opens_the_window_and_an_older_one_does_not_shut_it(db: Database) -> None:
    assert contact_state(db) == UNKNOWN_CONTACT
    assert receive(db, at=ago(hours=2)) == InterpretedMessage(None)
    receive(db, at=(latest := ago(hours=1)))
    receive(db, at=ago(hours=5))
    assert contact_state(db) == ContactState(wrote_at=latest)


def test_a_message_from_the_future_counts_as_received_now(db: Database) -> None:
    receive(db, at=datetime.now(UTC) + timedelta(hours=3))
    wrote_at = contact_state(db).wrote_at
    assert wrote_at
    assert abs(wrote_at - datetime.now(UTC)) < timedelta(seconds=10)


def test_a_person_is_another_contact_in_each_lane(db: Database) -> None:
    receive(db, "STOP", lane="north")
    assert contact_state(db) == UNKNOWN_CONTACT


def test_the_latest_of_messages_received_at_once_counts(db: Database) -> None:
    times = [ago(seconds=n) for n in range(12)]
    latest = max(times)
    Random(7).shuffle(times)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda at: receive(db, at=at), times))
    assert contact_state(db).wrote_at == latest


def test_stop_is_stored_with_its_proof_and_cancels_waiting_messages(db: Database) -> None:
    ids = accept_messages(db, reply(1), marketing(1, at=noon()), otp(1), reply(2))
    at = ago()
    assert receive(db, "  Stop! ", at=at) == InterpretedMessage(OptOut())
    assert contact_state(db) == ContactState(wrote_at=at, stopped="everything", chosen_at=at)
    assert proofs(db) == [("opt-out", "everything", "customer", "  Stop! ")]
    assert states_of(db, ids) == ["cancelled", "cancelled", "waiting", "waiting"]
    assert (row(db, ids[0])["code"], row(db, ids[0])["reason"][:27]) == (
        "opted-out",
        "This person wants no more m",
    )


def test_stop_offers_cancels_marketing_only(db: Database) -> None:
    ids = accept_messages(db, reply(1), marketing(1))
    assert receive(db, "stop offers") == InterpretedMessage(OptOut("marketing"))
    assert states_of(db, ids) == ["waiting", "cancelled"]


def test_stop_between_claim_and_sending_prevents_the_post(db: Database) -> None:
    (message_id,) = accept_messages(db, reply(1))
    (claimed,) = claim(db, [message_id], 10)
    receive(db, "STOP")
    assert not begin_posts(db, claimed)
    assert states_of(db, [message_id]) == ["cancelled"]


def test_start_allows_new_messages_and_restores_none(db: Database) -> None:
    (before,) = accept_messages(db, reply(1))
    receive(db, "STOP", at=ago(minutes=5))
    assert accept_messages(db, reply(1)) == []
    assert receive(db, "START") == InterpretedMessage(OptIn())
    (after,) = accept_messages(db, reply(1))
    assert states_of(db, [before, after]) == ["cancelled", "waiting"]
    assert [action for action, *_ in proofs(db)] == ["opt-out", "opt-in"]


def test_choices_count_in_the_order_of_their_times(db: Database) -> None:
    """Webhooks may arrive in another order."""
    receive(db, "START", at=ago(minutes=1))
    receive(db, "STOP", at=ago(minutes=2))
    assert contact_state(db).stopped is None
    receive(db, "STOP OFFERS", at=ago(seconds=10))
    receive(db, "STOP", at=ago(seconds=30))
    assert contact_state(db).stopped == "everything"


def test_of_two_choices_at_the_same_time_the_opt_out_counts(db: Database) -> None:
    at = ago()
    receive(db, "STOP", at=at)
    receive(db, "START", at=at)
    assert contact_state(db).stopped == "everything"


def test_a_reply_is_accepted_once_the_person_has_written_again(db: Database) -> None:
    receive(db, "STOP", at=ago(minutes=2))
    assert accept_messages(db, reply(1)) == []
    receive(db, "Where is my order?", at=ago(minutes=1))
    assert len(accept_messages(db, reply(1))) == 1
    assert accept_messages(db, marketing(1)) == []


@pytest.mark.parametrize(
    ("text", "reply"), [("CANCEL", Cancel()), ("हाँ", Confirm()), ("please reschedule", Reschedule())]
)
def test_an_answer_to_an_open_reminder_is_about_its_occasion(db: Database, text: str, reply: object) -> None:
    save(db, visit())
    send_reminder(db)
    found = receive(db, text)
    assert found.reply == reply
    assert found.occasion
    assert (found.occasion.kind, found.occasion.reference) == ("appointment", "visit 7")
    assert found.occasion.id == occasion_rows(db)[0]["id"]
    assert contact_state(db).stopped is None
    assert proofs(db) == []


def test_cancel_without_an_open_reminder_is_an_opt_out(db: Database) -> None:
    save(db, visit())
    assert receive(db, "CANCEL") == InterpretedMessage(OptOut())


def test_cancel_after_the_occasion_is_closed_is_an_opt_out(db: Database) -> None:
    save(db, visit())
    send_reminder(db)
    save(db, closing())
    assert receive(db, "CANCEL") == InterpretedMessage(OptOut())


def test_a_reminder_of_four_days_ago_cannot_be_answered(db: Database) -> None:
    save(db, visit(at=noon(20)))
    message_id = send_reminder(db)
    age_messages(db, 4 * 86_400, message_id)
    assert receive(db, "CANCEL").reply == OptOut()


def test_stop_is_an_opt_out_also_while_a_reminder_is_open(db: Database) -> None:
    save(db, visit())
    send_reminder(db)
    assert receive(db, "STOP") == InterpretedMessage(OptOut())


def test_an_answer_is_about_the_latest_reminder_unless_it_replies_to_another(db: Database) -> None:
    save(db, visit("first"))
    first = send_reminder(db, "first")
    save(db, visit("second", at=noon(4)))
    send_reminder(db, "second")
    latest, answered = receive(db, "confirm").occasion, receive(db, None, payload="CONFIRM", answers=first).occasion
    assert latest
    assert answered
    assert (latest.reference, answered.reference) == ("second", "first")


@pytest.mark.parametrize("said", [{"text": "CANCEL"}, {"text": "Cancel", "payload": "CANCEL"}])
def test_an_answer_to_the_reminder_of_a_closed_occasion_is_not_about_another_one(
    db: Database, said: dict[str, Any]
) -> None:
    """Its buttons stay in the chat."""
    save(db, visit("first"))
    first = send_reminder(db, "first")
    save(db, closing(reference="first"))
    save(db, visit("second", at=noon(4)))
    send_reminder(db, "second")
    assert receive(db, answers=first, **said) == InterpretedMessage(None)
    assert [each["answer"] for each in reminder_rows(db, state="accepted")] == [None, None]
    assert contact_state(db).stopped is None, "nor is it an opt-out"


def test_the_button_of_a_message_that_is_no_reminder_answers_none(db: Database) -> None:
    save(db, visit())
    reminder = send_reminder(db)
    other = send_message(db, reply(1))
    assert receive(db, "Confirm", payload="CONFIRM", answers=other).reply is None
    assert receive(db, "confirm", answers=other).reply == Confirm(), "typed words are about the reminder"
    assert receive(db, "Confirm", payload="CONFIRM", answers=reminder).reply == Confirm()


def test_an_inactive_contact_is_deleted_unless_it_has_made_a_choice(db: Database) -> None:
    receive(db, at=ago(days=91))
    receive(db, "STOP", at=ago(days=91), sender="919876500002")
    receive(db, at=ago(days=89), sender="919876500003")
    assert run_sweep(db, retention=None) == {}
    assert run_sweep(db, retention=90 * DAY) == {"strangers": 1}
    assert [contact_state(db, f"91987650000{n}") == UNKNOWN_CONTACT for n in (1, 2, 3)] == [True, False, False]
    assert run_sweep(db, retention=1) == {"strangers": 1}


def test_a_contact_with_an_open_window_is_not_deleted(db: Database) -> None:
    receive(db, at=ago(hours=23))
    assert run_sweep(db, retention=60) == {}


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_an_opt_out_locks_its_messages_in_the_order_of_their_ids(db: Database) -> None:
    """Event processing and outcomes lock them in that order too; another order could deadlock."""
    first, second = sorted(accept_messages(db, reply(1), reply(1)))
    claim(db, [first], 10)
    with ThreadPoolExecutor(1) as thread:
        with db.write() as tx:
            locking = select(message.c.id).with_for_update(nowait=True)
            tx.execute(locking.where(message.c.id == first))
            opt_out = thread.submit(receive, db, "STOP")
            time.sleep(0.3)
            tx.execute(locking.where(message.c.id == second))
        assert opt_out.result().reply == OptOut()
    assert states_of(db, [first, second]) == ["cancelled"] * 2
