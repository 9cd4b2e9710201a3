"""An opt-out cancels waiting messages and refuses new ones; every choice is stored with its proof."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from harkara.errors import Invalid, NotFound
from harkara.inbound.contact import ConsentChoice
from harkara.ledger.audit import audit
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.contacts.queries import iterate_proofs, list_contacts
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept
from harkara.ledger.tables import contact
from harkara.receipt import Receipt
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.steps import (
    accept_messages,
    marketing,
    otp,
    reply,
    row,
    states_of,
    trace_of,
)


def test_an_opt_out_of_marketing_leaves_the_rest(db: Database) -> None:
    ids = accept_messages(db, reply(), marketing(), otp())
    assert record_consent(db, "default", [choice(category="marketing")]) == [ids[1]]
    assert states_of(db, ids) == ["waiting", "cancelled", "waiting"]
    assert accept_messages(db, marketing()) == []
    assert len(accept_messages(db, reply(), otp())) == 2
    assert audit(db).clean


def test_each_lane_has_its_own_consent(db: Database) -> None:
    record_consent(db, "north", [choice()])
    assert len(accept_messages(db, reply())) == 1
    assert accept_messages(db, reply(lane="north")) == []


def test_an_unwanted_message_is_refused_and_stops_no_other(db: Database) -> None:
    record_consent(db, "default", [choice()])
    receipts, _ = accept(db, [reply(), wanted := reply(1)], deadlines=DEADLINES, queued_seconds=10)
    assert isinstance(receipts[0], Invalid)
    assert (receipts[0].field, receipts[0].rule[:27]) == ("to", "wants no more messages: onl")
    assert receipts[1] == Receipt(wanted.id, new=True)


def test_a_repeated_call_gets_its_first_receipt_despite_a_later_opt_out(db: Database) -> None:
    first = reply(reference="order 7")
    accept_messages(db, first)
    record_consent(db, "default", [choice()])
    receipts, _ = accept(db, [reply(reference="order 7")], deadlines=DEADLINES, queued_seconds=10)
    assert receipts == [Receipt(first.id, new=False)]


def test_an_unwanted_message_is_stored_as_cancelled_when_no_caller_waits(db: Database) -> None:
    record_consent(db, "default", [choice()])
    unwanted, wanted = reply(), otp()
    receipts, hints = accept(db, [unwanted, wanted], deadlines=DEADLINES, queued_seconds=10, keep_refused=True)
    assert receipts == [Receipt(unwanted.id, new=True), Receipt(wanted.id, new=True)]
    assert [message_id for message_id, _ in hints] in ([], [wanted.id])
    stored = row(db, unwanted.id)
    assert (stored["state"], stored["code"], trace_of(db, unwanted.id)) == ("cancelled", "opted-out", ["cancelled"])
    assert audit(db).clean


def test_an_opt_in_to_marketing_lasts_until_the_next_opt_out(db: Database) -> None:
    record_consent(db, "default", [choice(action="opt-in", category="marketing")])
    assert agreed(db)
    record_consent(db, "default", [choice(action="opt-in")])
    assert agreed(db)
    record_consent(db, "default", [choice(category="marketing")])
    assert not agreed(db)


def test_an_opt_in_to_messages_is_no_opt_in_to_marketing(db: Database) -> None:
    record_consent(db, "default", [choice(action="opt-in")])
    assert not agreed(db)


def test_many_choices_are_applied_together_each_to_its_own_person(db: Database) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(300)), *(marketing(n) for n in range(300)))
    choices = [choice(n, category="everything" if n % 2 else "marketing") for n in range(300)]
    assert len(record_consent(db, "default", choices)) == 450
    assert states_of(db, ids[:4]) == ["waiting", "cancelled", "waiting", "cancelled"]
    assert set(states_of(db, ids[300:])) == {"cancelled"}


def test_a_contact_is_listed_with_its_proofs_in_their_order(db: Database) -> None:
    record_consent(db, "default", [choice(action="opt-in", proof="Form of May")])
    record_consent(db, "default", [choice()])
    record_consent(db, "north", [choice(category="marketing")])
    default, north = list_contacts(db, person(0))
    assert (default.lane, default.stopped, north.stopped) == ("default", "everything", "marketing")
    assert [(p.action, p.how, p.proof) for p in default.proofs] == [
        ("opt-in", "operator", "Form of May"),
        ("opt-out", "operator", "By telephone, says Ravi"),
    ]
    with pytest.raises(NotFound, match="no lane knows"):
        list_contacts(db, person(1))


def test_all_proofs_can_be_read_for_one_lane_or_for_all(db: Database) -> None:
    record_consent(db, "default", [choice(1), choice(2)])
    record_consent(db, "north", [choice(3)])
    assert [proof.recipient for proof in iterate_proofs(db, "default")] == [person(1), person(2)]
    assert [proof.lane for proof in iterate_proofs(db, None)] == ["default", "default", "north"]


def test_five_hundred_messages_are_accepted_in_two_seconds_of_cpu(db: Database) -> None:
    record_consent(db, "default", [choice(n) for n in range(0, 500, 10)])
    start = time.process_time()
    assert len(accept_messages(db, *(reply(n) for n in range(500)))) == 450
    assert time.process_time() - start < 2


def person(n: int) -> str:
    return f"9198765{n:05d}"


def choice(n: int = 0, action: Any = "opt-out", **other: Any) -> ConsentChoice:
    """Return a choice that the person number `n` made a minute ago."""
    usual: dict[str, Any] = {"category": "everything", "how": "operator", "proof": "By telephone, says Ravi"}
    return ConsentChoice(
        recipient=person(n), action=action, at=datetime.now(UTC) - timedelta(minutes=1), **usual | other
    )


def agreed(db: Database) -> bool:
    with db.read() as tx:
        return tx.execute(select(contact.c.agreed_at)).scalar_one() is not None
