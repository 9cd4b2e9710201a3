"""An erasure while the application sends to the person: the search of a large ledger takes minutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Table, delete, select

from harkara.inbound.contact import ConsentChoice
from harkara.ledger.audit import audit
from harkara.ledger.contacts.consent import link_names, record_consent
from harkara.ledger.conversations.turns import write_turn
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters
from harkara.ledger.messages.erased_number import ERASED
from harkara.ledger.personal.erase import Erasure, erase_person
from harkara.ledger.personal.find import find_person
from harkara.ledger.tables import charge, consent, contact, dead_letter, event
from harkara.ledger.transaction import Row
from harkara.ledger.users.acts import Actor
from tests.integration.ledger.occasions import occasion_rows, reminder_rows, save, visit
from tests.integration.ledger.steps import (
    LOST,
    accept_messages,
    age_messages,
    begin_posts,
    claim_messages,
    record_outcome,
    reply,
    row,
    run_sweep,
    send_message,
    states_of,
    update_message,
)
from tests.integration.ledger.turns import ANSWER, LIMITS, LIVE, claimed, talk_of, turns_of, wrote
from tests.integration.ledger.webhooks import inbound_webhook, process_events, store_webhooks

NUMBER = "+919876500000"
OTHER = "+919876500001"
KEY = "k" * 32
ASHA = Actor("Asha", "command")


def erase(db: Database, meanwhile: Callable[[], None]) -> Erasure:
    """Erase the person, with something else after the first look at the messages."""
    waiting = [meanwhile]

    def progress(done: str) -> None:
        if done.startswith("attempt") and waiting:
            waiting.pop()()

    return erase_person(db, find_person(db, NUMBER), KEY, by=ASHA, progress=progress)


@pytest.mark.parametrize("claimed", [False, True], ids=["waiting", "claimed"])
def test_a_message_that_is_accepted_meanwhile_is_cancelled_and_not_left_without_its_text(
    db: Database, claimed: bool
) -> None:
    send_message(db, reply())
    new: list[str] = []

    def accept() -> None:
        new.extend(accept_messages(db, reply()))
        if claimed:
            claim_messages(db, *new)

    assert erase(db, accept).cancelled == 1
    found = row(db, new[0])
    assert (found["state"], found["code"], found["recipient"], found["body"]) == ("cancelled", ERASED, None, None)
    assert audit(db).clean


def test_a_message_that_is_being_sent_meanwhile_keeps_its_text_until_it_has_its_outcome(db: Database) -> None:
    send_message(db, reply())
    new = []

    def begin() -> None:
        new.extend(claim_messages(db, *accept_messages(db, reply())))
        assert begin_posts(db, *new)

    done = erase(db, begin)
    assert (done.cancelled, done.being_sent) == (0, 1)
    assert row(db, new[0].id)["body"]
    record_outcome(db, new[0], LOST)
    done = erase(db, lambda: None)
    assert (done.cancelled, done.being_sent) == (0, 0)
    assert row(db, new[0].id)["body"] is None


def test_a_message_that_becomes_uncertain_meanwhile_is_not_sent_again_without_its_text(db: Database) -> None:
    send_message(db, reply())
    new: list[str] = []

    def lose() -> None:
        new.append(send_message(db, reply(), LOST))
        update_message(db, new[0], resend_at=row(db, new[0])["changed_at"])

    erase(db, lose)
    age_messages(db, 1)
    run_sweep(db)
    assert states_of(db, new) == ["uncertain"]
    assert row(db, new[0])["body"] is None


def test_an_occasion_that_is_given_to_another_person_meanwhile_keeps_the_new_number_and_text(db: Database) -> None:
    save(db, visit(to=NUMBER))
    erase(db, lambda: save_visit(db, "visit 7", OTHER))
    (found,) = occasion_rows(db)
    assert (found["recipient"], "Dr Rao" in found["parameters"]) == (OTHER[1:], True)
    assert {each["recipient"] for each in reminder_rows(db, state="waiting")} == {OTHER[1:]}


def test_an_occasion_that_is_given_to_the_person_meanwhile_is_erased(db: Database) -> None:
    save(db, visit(f"visit of {NUMBER}", to=OTHER))
    erase(db, lambda: save_visit(db, f"visit of {NUMBER}", NUMBER))
    (found,) = occasion_rows(db)
    assert (found["recipient"], found["parameters"], NUMBER in found["reference"]) == (None, None, False)


def test_an_opt_out_that_is_recorded_meanwhile_stays(db: Database) -> None:
    with db.write() as tx:
        link_names(tx, "default", [NUMBER[1:]], wrote_at=tx.now)
    erase(db, lambda: opt_out(db))
    (kept,) = rows_of(db, contact)
    assert (kept["stopped"], kept["recipient"][:7]) == ("everything", "erased:")
    assert [proof["recipient"] for proof in rows_of(db, consent)] == [kept["recipient"]]


def test_a_stop_that_arrives_meanwhile_is_applied(db: Database) -> None:
    send_message(db, reply())

    def stop() -> None:
        sender: dict[str, Any] = {"from": NUMBER[1:]}
        store_webhooks(db, inbound_webhook("STOP", **sender))

    assert erase(db, stop).unprocessed == 1
    process_events(db)
    assert [each["stopped"] for each in rows_of(db, contact)] == ["everything"]
    assert erase(db, lambda: None).unprocessed == 0
    assert [each["body"] for each in rows_of(db, event)] == [None]
    assert [each["stopped"] for each in rows_of(db, contact)] == ["everything"]


def test_the_charge_of_a_message_that_arrives_meanwhile_has_no_recipient(db: Database) -> None:
    sent = send_message(db, reply())
    erase(db, lambda: charge_message(db, sent))
    assert [(each["message_id"], each["amount"], each["person"]) for each in rows_of(db, charge)] == [(sent, 7, None)]


def test_a_row_that_gets_the_id_of_a_deleted_one_meanwhile_keeps_its_text(db: Database) -> None:
    add_dead_letters(db, [letter("1", NUMBER)])
    (old,) = rows_of(db, dead_letter)

    def reuse() -> None:
        with db.write() as tx:
            tx.execute(delete(dead_letter))
        add_dead_letters(db, [letter("2", OTHER)])
        with db.write() as tx:
            tx.execute(dead_letter.update().values(id=old["id"]))

    erase(db, reuse)
    assert [OTHER in each["content"] for each in rows_of(db, dead_letter)] == [True]


def test_a_row_that_changes_in_every_round_is_erased_all_the_same(db: Database) -> None:
    add_dead_letters(db, [letter("1", NUMBER)])

    def progress(done: str) -> None:
        if done.startswith("campaign"):  # after the search of the dead letters
            with db.write() as tx:
                tx.execute(dead_letter.update().values(content=dead_letter.c.content + f" {NUMBER}"))

    erase_person(db, find_person(db, NUMBER), KEY, by=ASHA, progress=progress)
    assert [each["content"] for each in rows_of(db, dead_letter)] == [None]


def test_what_the_assistant_writes_after_the_erasure_has_no_text(db: Database) -> None:
    wrote(db, "When do you open?", number=NUMBER[1:])
    one = claimed(db)
    talk = talk_of(db, one)
    erase(db, lambda: None)
    assert write_turn(db, one, talk, replace(ANSWER, summary="Asks for hours"), LIVE, LIMITS).outcome == "superseded"
    (found,) = turns_of(db)
    assert (found["content"], found["summary"], found["price"]) == (None, None, 5)


def test_what_the_assistant_writes_meanwhile_is_erased(db: Database) -> None:
    wrote(db, "When do you open?", number=NUMBER[1:])
    one = claimed(db)
    talk = talk_of(db, one)

    def write() -> None:
        assert write_turn(db, one, talk, ANSWER, LIVE, LIMITS).outcome == "sent"

    erase(db, write)
    assert [each["content"] for each in turns_of(db)] == [None]


def save_visit(db: Database, reference: str, number: str) -> None:
    save(db, visit(reference, to=number))


def charge_message(db: Database, identity: str) -> None:
    """Write what the webhook of a delivery does in the mode `credits`."""
    now = datetime.now(UTC)
    row = {"message_id": identity, "lane": "default", "day": now.date(), "at": now, "category": "utility"}
    row |= {"currency": "INR", "amount": 7, "fee": 0, "tax": 0, "person": "digest"}
    with db.write() as tx:
        tx.execute(charge.insert(), row)


def opt_out(db: Database) -> None:
    at = datetime.now(UTC)
    choice = ConsentChoice(
        recipient=NUMBER[1:], action="opt-out", category="everything", how="operator", proof="Form", at=at
    )
    record_consent(db, "default", [choice])


def letter(entry: str, number: str) -> DeadLetter:
    return DeadLetter.of("task", entry, "send", ValueError(), f'{{"to": "{number}"}}')


def rows_of(db: Database, table: Table) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(table))
