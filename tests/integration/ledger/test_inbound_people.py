"""Webhooks name people in several ways: each finds the same person, and notices of WhatsApp are no messages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from harkara.delivery import gates
from harkara.inbound.contact import ContactState
from harkara.ledger.contacts.contacts import load_contacts
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.tables import contact
from harkara.messages import Template
from harkara.outcomes import Refused, Replaced
from tests.integration.ledger.occasions import occasion_rows, save, visit
from tests.integration.ledger.outbox import callback_rows
from tests.integration.ledger.people import people_of
from tests.integration.ledger.steps import accept_messages, claim_messages, marketing, otp, reply, states_of
from tests.integration.ledger.test_inbound_messages import send_reminder
from tests.integration.ledger.webhooks import (
    CONTEXT,
    LANE,
    deliver_webhooks,
    inbound_webhook,
    process_events,
    send_message,
    state_of,
    status_webhook,
    store_webhooks,
    stored_events,
)

BRAZIL, BRAZIL_OLD = "5531988888888", "553188888888"
ASHA, ASHA_LATER, USER_ID = "919876511114", "919876511115", "IN.13491208655302741918"

STOP_FROM_BRAZIL = {
    "event": "message.received",
    "from": BRAZIL_OLD,
    "message_id": "wamid.BR1",
    "timestamp": 1795870921,
    "message": {"type": "text", "text": "STOP"},
}
SYSTEM_MESSAGE = {
    "event": "message.received",
    "from": ASHA,
    "message_id": "wamid.S1",
    "timestamp": 1795870921,
    "message": {"type": "system", "system": {"type": "user_changed_number", "wa_id": ASHA_LATER, "body": "x"}},
}


def test_stop_from_a_number_of_brazil_without_the_ninth_digit_counts(db: Database) -> None:
    sent = send_message(db, reply(to=BRAZIL))
    (waiting,) = accept_messages(db, marketing(to=BRAZIL))
    deliver_webhooks(db, webhook(STOP_FROM_BRAZIL))
    assert states_of(db, [sent, waiting]) == ["accepted", "cancelled"]
    assert accept_messages(db, reply(to=BRAZIL)) == []


def test_a_changed_number_opens_no_window_and_is_reported(callback_db: Database) -> None:
    deliver_webhooks(callback_db, webhook(SYSTEM_MESSAGE))
    assert [state_of_contact(callback_db, name).wrote_at for name in (ASHA, ASHA_LATER)] == [None, None]
    for number in (ASHA, ASHA_LATER):
        assert isinstance(gate_outcome(callback_db, number), Refused)
        assert isinstance(gate_outcome(callback_db, number, fallback=Template("come_back")), Replaced)
    (notice,) = callback_rows(callback_db)
    data = json.loads(notice["data"])
    assert (notice["kind"], data["from"], data["to"]) == ("contact.changed-number", ASHA, ASHA_LATER)


@pytest.mark.parametrize("notice_first", [True, False])
def test_an_opt_out_follows_the_person_to_the_new_number(db: Database, notice_first: bool) -> None:
    stop = from_person({"from": ASHA}, "STOP")
    both = [webhook(SYSTEM_MESSAGE), stop]
    for one in both if notice_first else both[::-1]:
        deliver_webhooks(db, one)
    assert accept_messages(db, reply(to=ASHA_LATER)) == []
    assert set(people_of(db, "default")) == {frozenset((ASHA, ASHA_LATER))}


CHANGED_BACK = {"from": ASHA_LATER, "message_id": "wamid.S2"} | {
    "message": {"type": "system", "system": {"type": "user_changed_number", "wa_id": ASHA, "body": "x"}}
}


def number_of(db: Database, name: str = ASHA) -> str | None:
    """Return the number to which answers go."""
    return find_participant(db, name).number


def test_answers_go_to_the_number_that_a_person_has_now(db: Database) -> None:
    """The number before may be another person's by now, whichever of the two sorts last."""
    deliver_webhooks(db, webhook(SYSTEM_MESSAGE))
    assert number_of(db) == ASHA_LATER
    deliver_webhooks(db, webhook(SYSTEM_MESSAGE | CHANGED_BACK))
    assert number_of(db) == ASHA
    deliver_webhooks(db, status_webhook(db, "sent", to=ASHA, recipient_user_id=USER_ID))
    assert (number_of(db), number_of(db, USER_ID)) == (ASHA, ASHA), "another name changes nothing"


def test_answers_go_to_the_number_that_a_person_wrote_from_last(db: Database) -> None:
    now = int(datetime.now(UTC).timestamp())
    for number in (ASHA_LATER, ASHA):
        deliver_webhooks(db, from_person({"from": number, "from_user_id": USER_ID}, "Hello", f"wamid.{number}"))
    with db.write() as tx:  # as the release before wrote it
        tx.execute(update(contact).values(linked_at=tx.now - timedelta(minutes=1)))
    assert number_of(db) == ASHA_LATER
    for number, age in ((ASHA, 2), (ASHA_LATER, 3)):
        fields = {"from": number, "from_user_id": USER_ID, "timestamp": now - age}
        deliver_webhooks(db, from_person(fields, "Are you there?", f"wamid.{age}"))
    assert number_of(db) == ASHA, "the message that is applied last is older"


@pytest.mark.parametrize("system", [{"type": "user_identity_changed"}, {}])
def test_another_system_message_opens_no_window_and_is_stored_as_unknown(db: Database, system: dict[str, Any]) -> None:
    deliver_webhooks(db, webhook(SYSTEM_MESSAGE | {"message": {"type": "system", "system": system}}))
    assert people_of(db, "default") == {}
    assert [event["state"] for event in stored_events(db)] == ["unknown"]


def test_a_person_who_hides_the_number_is_known_from_an_earlier_message(callback_db: Database) -> None:
    (waiting,) = accept_messages(callback_db, reply(to=ASHA))
    deliver_webhooks(callback_db, from_person({"from": ASHA, "from_user_id": USER_ID}, "Hello", "wamid.1"))
    deliver_webhooks(callback_db, from_person({"from": None, "from_user_id": USER_ID}, "STOP", "wamid.2"))
    assert states_of(callback_db, [waiting]) == ["cancelled"]
    received = [json.loads(row["data"]) for row in callback_rows(callback_db) if row["kind"] == "message.received"]
    assert [(data["from"], data["user_id"]) for data in received] == [(ASHA, USER_ID)] * 2
    assert len({data["person"] for data in received}) == 1


def test_a_person_without_any_number_is_known_by_the_user_id(callback_db: Database) -> None:
    deliver_webhooks(callback_db, from_person({"from": None, "from_user_id": USER_ID}, "STOP"))
    assert state_of_contact(callback_db, USER_ID).stopped == "everything"
    assert json.loads(callback_rows(callback_db)[0]["data"])["from"] == USER_ID


def test_a_status_connects_number_and_user_id(db: Database) -> None:
    send_message(db, reply())
    number = "919876500000"
    deliver_webhooks(db, status_webhook(db, "delivered", recipient_user_id=USER_ID))
    assert set(people_of(db, "default")) == {frozenset((number, USER_ID))}
    assert state_of_contact(db, number) == ContactState()
    deliver_webhooks(db, from_person({"from": None, "from_user_id": USER_ID}, "STOP"))
    assert accept_messages(db, reply()) == []


def test_a_status_under_another_spelling_finds_its_message(db: Database) -> None:
    message_id = send_message(db, reply(to=BRAZIL))
    deliver_webhooks(db, status_webhook(db, "delivered", to=BRAZIL_OLD))
    assert state_of(db, message_id) == "delivered"


def test_a_status_under_a_user_id_alone_finds_its_message(db: Database) -> None:
    deliver_webhooks(db, inbound_webhook(from_user_id=USER_ID))
    message_id = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "delivered", to=None, recipient_user_id=USER_ID))
    assert state_of(db, message_id) == "delivered"


def test_an_answer_under_another_spelling_is_about_the_reminder(callback_db: Database) -> None:
    save(callback_db, visit(to=BRAZIL))
    send_reminder(callback_db)
    deliver_webhooks(callback_db, from_person({"from": BRAZIL_OLD}, "CANCEL"))
    kinds = [row["kind"] for row in callback_rows(callback_db)]
    assert "reminder.cancelled" in kinds
    assert "contact.opted-out" not in kinds
    assert occasion_rows(callback_db)[0]["recipient"] == BRAZIL


def test_the_lanes_own_number_is_never_a_customer(callback_db: Database) -> None:
    own = replace(CONTEXT, lanes={"default": replace(LANE, number=BRAZIL)})
    store_webhooks(callback_db, from_person({"from": BRAZIL_OLD}, "STOP", direction=None))
    process(callback_db, own)
    assert people_of(callback_db, "default") == {}
    assert callback_rows(callback_db) == []
    assert process_events(callback_db) == {}


def test_one_time_codes_to_two_spellings_count_together(db: Database) -> None:
    ids = accept_messages(db, *(otp(to=number) for number in (BRAZIL, BRAZIL_OLD, BRAZIL, BRAZIL_OLD)))
    claims = claim_messages(db, *ids)
    context = gates.load(db, CONTEXT.lanes, claims)
    assert [gates.check(claimed, context) is None for claimed in claims] == [True, True, True, False]


def gate_outcome(db: Database, number: str, **options: Any) -> object:
    """Return the outcome of the gates for a free text to this number."""
    claims = claim_messages(db, *accept_messages(db, reply(to=number, **options)))
    return gates.check(claims[0], gates.load(db, CONTEXT.lanes, claims))


def state_of_contact(db: Database, name: str) -> ContactState:
    with db.read() as tx:
        return load_contacts(tx, [("default", name)]).get(("default", name), ContactState())


def from_person(fields: dict[str, Any], text: str = "Hello", wamid: str = "wamid.in", **other: Any) -> bytes:
    """Return a webhook about a text from a person; a field of a webhook may be a word of Python."""
    return inbound_webhook(text, wamid, **{**fields, **other})


def webhook(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
