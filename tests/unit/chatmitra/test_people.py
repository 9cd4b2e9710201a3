"""Senders and recipients are numbers or user ids; what only looks like a number is none."""

from __future__ import annotations

from typing import Any

import pytest

from harkara.inbound.events import NumberChanged, UnknownEvent
from tests.unit.chatmitra.samples import (
    AT,
    CUSTOMER,
    parse_one,
    parse_received,
    parse_status,
    received_event,
    status_event,
)

USER_ID, PARENT = "IN.13491208655302741918", "IN.ENT.11815799212886844830"


@pytest.mark.parametrize(
    "written",
    [
        "919876543210@c.us",
        "919876543210@s.whatsapp.net",
        "919876543210:12@s.whatsapp.net",
        "919876543210.0:12@s.whatsapp.net",
        "919876543210_1@c.us",
        "+91 98765 43210",
    ],
)
def test_a_number_is_read_from_an_address_without_its_device(written: str) -> None:
    assert parse_received(received_event(**{"from": written})).sender == CUSTOMER
    assert parse_status(status_event(to=written)).recipient == CUSTOMER


@pytest.mark.parametrize(
    "written",
    [
        "919876543210@lid",
        "919876543210:12@lid",
        "919876543210-1612345678@g.us",
        "120363021234567890@g.us",
        "120363021234@newsletter",
        "919876543210@broadcast",
        "919876543210@example.org",
        "919876543210@c.us@lid",
        "919876543210:12",
    ],
)
def test_an_address_that_is_no_number_names_no_person(written: str) -> None:
    assert isinstance(parse_one(received_event(**{"from": written})), UnknownEvent)
    assert parse_status(status_event(to=written)).recipient is None


@pytest.mark.parametrize(
    "fields",
    [
        {"from_user_id": USER_ID, "from_parent_user_id": PARENT},
        {"user_id": USER_ID, "parent_user_id": PARENT},
    ],
)
@pytest.mark.parametrize(
    ("number", "sender"), [(CUSTOMER, CUSTOMER), (None, USER_ID), ("", USER_ID), ("9198765@lid", USER_ID)]
)
def test_a_sender_has_user_ids_which_name_a_person_without_a_number(
    fields: dict[str, Any], number: str | None, sender: str
) -> None:
    event = parse_received(received_event(**{"from": number}, **fields))
    assert (event.sender, event.user_ids) == (sender, (USER_ID, PARENT))
    assert event.names == tuple(dict.fromkeys((sender, USER_ID, PARENT)))


def test_a_user_id_may_stand_in_the_place_of_the_number() -> None:
    assert parse_received(received_event(**{"from": USER_ID})).names == (USER_ID,)


def test_a_username_is_no_name() -> None:
    assert isinstance(parse_one(received_event(**{"from": "@asha", "username": "@asha"})), UnknownEvent)


def test_a_recipient_has_user_ids() -> None:
    event = parse_status(status_event(recipient_user_id=USER_ID))
    assert (event.recipient, event.user_ids) == (CUSTOMER, (USER_ID,))
    hidden = parse_status(status_event(to=None, message_id=None, recipient_user_id=USER_ID))
    assert (hidden.recipient, hidden.user_ids) == (None, (USER_ID,))


@pytest.mark.parametrize(
    ("system", "fields", "before", "after"),
    [
        ({"type": "user_changed_number", "wa_id": "919876543211", "body": "x"}, {}, (CUSTOMER,), ("919876543211",)),
        ({"type": "customer_changed_number", "new_wa_id": "919876543211"}, {}, (CUSTOMER,), ("919876543211",)),
        (
            {"type": "user_changed_number", "wa_id": "919876543211", "user_id": "IN.2"},
            {"from_user_id": "IN.1"},
            (CUSTOMER, "IN.1"),
            ("919876543211", "IN.2"),
        ),
        (
            {"type": "user_changed_user_id", "user_id": "IN.2"},
            {"from": None, "from_user_id": "IN.1"},
            ("IN.1",),
            ("IN.2",),
        ),
        ({"user_id": "IN.2", "previous_user_id": "IN.1"}, {"from": None}, ("IN.1",), ("IN.2",)),
    ],
)
def test_a_system_message_reports_the_names_before_and_after(
    system: dict[str, Any], fields: dict[str, Any], before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    event = parse_one(received_event({"type": "system", "system": system}, **fields))
    assert isinstance(event, NumberChanged)
    assert (event.before, event.after, event.at) == (before, after, AT)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "system"},
        {"type": "system", "system": "x"},
        {"type": "system", "system": {"type": "user_identity_changed", "wa_id": CUSTOMER}},
        {"type": "system", "system": {"type": "user_changed_number", "wa_id": "soon"}, "text": "STOP"},
    ],
)
def test_any_other_system_message_is_no_message_of_a_customer(message: dict[str, Any]) -> None:
    assert isinstance(parse_one(received_event(message)), UnknownEvent)
