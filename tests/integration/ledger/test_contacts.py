"""What customers write: it opens their window, answers their reminder, or ends what they hear from us."""

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
from tests.integration.ledger.bookings import noon, occasions, over, reminders, say, visit
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
    states_of,
    update_message,
)

WORDS = Words.load(Path(__file__).parents[3] / "config" / "words.toml")
ASHA = "919876500001"
"""The person number 1 of the other tests."""


def ago(**span: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def write(db: Database, text: str | None = "Hello", *, at: datetime | None = None, **other: Any) -> InterpretedMessage:
    """A customer writes."""
    options = {key: other.pop(key) for key in ("answers",) if key in other}
    usual: dict[str, Any] = {"identity": "1", "sender": ASHA, "kind": "text", "at": at or ago(), "text": text}
    with db.write() as tx:
        return record_received(tx, other.pop("lane", "default"), MessageReceived(**usual | other), WORDS, **options)


def contact(db: Database, person: str = ASHA) -> ContactState:
    with db.read() as tx:
        return load_contacts(tx, [("default", person)]).get(("default", person), UNKNOWN_CONTACT)


def proofs(db: Database) -> list[tuple[str, str, str, str | None]]:
    with db.read() as tx:
        return [(r["wish"], r["category"], r["how"], r["proof"]) for r in tx.rows(select(consent))]


def remind(db: Database, reference: str = "visit 7") -> str:
    """Sends the next reminder of an occasion, as if it were its hour; returns its id."""
    (found,) = (each for each in occasions(db) if each["reference"] == reference)
    identity = next(r["id"] for r in reminders(db, state="waiting") if r["occasion_id"] == found["id"])
    update_message(db, identity, due_at=ago())
    (claimed,) = claim(db, [identity], 10)
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    return str(identity)


def test_a_message_of_a_customer_opens_their_window_and_an_older_one_does_not_shut_it(db: Database) -> None:
    assert contact(db) == UNKNOWN_CONTACT
    assert write(db, at=ago(hours=2)) == InterpretedMessage(None)
    write(db, at=(latest := ago(hours=1)))
    write(db, at=ago(hours=5))
    assert contact(db) == ContactState(wrote_at=latest)


def test_a_message_from_the_future_came_now(db: Database) -> None:
    write(db, at=datetime.now(UTC) + timedelta(hours=3))
    wrote_at = contact(db).wrote_at
    assert wrote_at
    assert abs(wrote_at - datetime.now(UTC)) < timedelta(seconds=10)


def test_the_same_person_is_another_contact_in_each_lane(db: Database) -> None:
    write(db, "STOP", lane="north")
    assert contact(db) == UNKNOWN_CONTACT


def test_messages_that_are_heard_at_once_leave_the_latest(db: Database) -> None:
    moments = [ago(seconds=n) for n in range(12)]
    latest = max(moments)
    Random(7).shuffle(moments)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda at: write(db, at=at), moments))
    assert contact(db).wrote_at == latest


def test_stop_is_kept_with_its_proof_and_withdraws_what_waits(db: Database) -> None:
    ids = accept_messages(db, reply(1), marketing(1, at=noon()), otp(1), reply(2))
    said = ago()
    assert write(db, "  Stop! ", at=said) == InterpretedMessage(OptOut())
    assert contact(db) == ContactState(wrote_at=said, stopped="everything", chosen_at=said)
    assert proofs(db) == [("opt-out", "everything", "customer", "  Stop! ")]
    assert states_of(db, ids) == ["cancelled", "cancelled", "waiting", "waiting"]
    assert (row(db, ids[0])["code"], row(db, ids[0])["reason"][:27]) == (
        "opted-out",
        "This person wants no more m",
    )


def test_stop_offers_withdraws_marketing_alone(db: Database) -> None:
    ids = accept_messages(db, reply(1), marketing(1))
    assert write(db, "stop offers") == InterpretedMessage(OptOut("marketing"))
    assert states_of(db, ids) == ["waiting", "cancelled"]


def test_stop_between_claim_and_sending_means_no_post(db: Database) -> None:
    (identity,) = accept_messages(db, reply(1))
    (claimed,) = claim(db, [identity], 10)
    write(db, "STOP")
    assert not begin_posts(db, claimed)
    assert states_of(db, [identity]) == ["cancelled"]


def test_start_lets_new_messages_go_and_brings_none_back(db: Database) -> None:
    (before,) = accept_messages(db, reply(1))
    write(db, "STOP", at=ago(minutes=5))
    assert accept_messages(db, reply(1)) == []
    assert write(db, "START") == InterpretedMessage(OptIn())
    (after,) = accept_messages(db, reply(1))
    assert states_of(db, [before, after]) == ["cancelled", "waiting"]
    assert [wish for wish, *_ in proofs(db)] == ["opt-out", "opt-in"]


def test_wishes_count_in_the_order_in_which_they_were_said(db: Database) -> None:
    """Webhooks overtake each other."""
    write(db, "START", at=ago(minutes=1))
    write(db, "STOP", at=ago(minutes=2))
    assert contact(db).stopped is None
    write(db, "STOP OFFERS", at=ago(seconds=10))
    write(db, "STOP", at=ago(seconds=30))
    assert contact(db).stopped == "everything"


def test_of_two_at_once_the_opt_out_counts(db: Database) -> None:
    at = ago()
    write(db, "STOP", at=at)
    write(db, "START", at=at)
    assert contact(db).stopped == "everything"


def test_an_answer_may_go_once_they_have_written_again(db: Database) -> None:
    write(db, "STOP", at=ago(minutes=2))
    assert accept_messages(db, reply(1)) == []
    write(db, "Where is my order?", at=ago(minutes=1))
    assert len(accept_messages(db, reply(1))) == 1
    assert accept_messages(db, marketing(1)) == []


@pytest.mark.parametrize(
    ("text", "reply"), [("CANCEL", Cancel()), ("हाँ", Confirm()), ("please reschedule", Reschedule())]
)
def test_an_answer_to_an_open_reminder_is_about_its_occasion(db: Database, text: str, reply: object) -> None:
    say(db, visit())
    remind(db)
    found = write(db, text)
    assert found.reply == reply
    assert found.occasion
    assert (found.occasion.kind, found.occasion.reference) == ("appointment", "visit 7")
    assert found.occasion.id == occasions(db)[0]["id"]
    assert contact(db).stopped is None
    assert proofs(db) == []


def test_cancel_without_an_open_reminder_is_an_opt_out(db: Database) -> None:
    say(db, visit())
    assert write(db, "CANCEL") == InterpretedMessage(OptOut())


def test_cancel_after_the_occasion_is_closed_is_an_opt_out(db: Database) -> None:
    say(db, visit())
    remind(db)
    say(db, over())
    assert write(db, "CANCEL") == InterpretedMessage(OptOut())


def test_a_reminder_of_long_ago_is_not_what_they_answer(db: Database) -> None:
    say(db, visit(at=noon(20)))
    identity = remind(db)
    age_messages(db, 4 * 86_400, identity)
    assert write(db, "CANCEL").reply == OptOut()


def test_stop_is_an_opt_out_also_while_a_reminder_is_open(db: Database) -> None:
    say(db, visit())
    remind(db)
    assert write(db, "STOP") == InterpretedMessage(OptOut())


def test_of_two_open_reminders_the_latest_is_meant_unless_they_answer_the_other(db: Database) -> None:
    say(db, visit("first"))
    first = remind(db, "first")
    say(db, visit("second", at=noon(4)))
    remind(db, "second")
    latest, answered = write(db, "confirm").occasion, write(db, None, payload="CONFIRM", answers=first).occasion
    assert latest
    assert answered
    assert (latest.reference, answered.reference) == ("second", "first")


def test_who_wrote_long_ago_is_forgotten_and_who_said_what_they_want_is_not(db: Database) -> None:
    write(db, at=ago(days=91))
    write(db, "STOP", at=ago(days=91), sender="919876500002")
    write(db, at=ago(days=89), sender="919876500003")
    assert run_sweep(db, retention=None) == {}
    assert run_sweep(db, retention=90 * DAY) == {"strangers": 1}
    assert [contact(db, f"91987650000{n}") == UNKNOWN_CONTACT for n in (1, 2, 3)] == [True, False, False]
    assert run_sweep(db, retention=1) == {"strangers": 1}


def test_an_open_window_outlives_a_short_retention(db: Database) -> None:
    write(db, at=ago(hours=23))
    assert run_sweep(db, retention=60) == {}


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_an_opt_out_waits_for_its_messages_in_the_order_of_ids_whether_a_worker_holds_them_or_not(db: Database) -> None:
    """The fold and the records of outcomes take them in that order: they must not wait for each other."""
    first, second = sorted(accept_messages(db, reply(1), reply(1)))
    claim(db, [first], 10)
    with ThreadPoolExecutor(1) as elsewhere:
        with db.write() as tx:
            held = select(message.c.id).with_for_update(nowait=True)
            tx.execute(held.where(message.c.id == first))
            heard_of = elsewhere.submit(write, db, "STOP")
            time.sleep(0.3)
            tx.execute(held.where(message.c.id == second))
        assert heard_of.result().reply == OptOut()
    assert states_of(db, [first, second]) == ["cancelled"] * 2
