"""Webhook bodies are parsed into events, in all known and likely shapes; anything else is an unknown event."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.chatmitra.webhooks import parse
from harkara.inbound import fingerprint, normalization
from harkara.inbound.events import MessageReceived, StatusChanged, UnknownEvent
from tests.unit.chatmitra.samples import (
    AT,
    CUSTOMER,
    NOW,
    parse_one,
    parse_received,
    parse_status,
    received_event,
    status_event,
)

TEXT_DIGEST = fingerprint.of_message({"type": "text", "text": "Your order is ready"})


def test_a_text_from_a_customer_is_parsed() -> None:
    event = parse_received(received_event())
    assert (event.sender, event.kind, event.text, event.payload) == (CUSTOMER, "text", "Hello", None)
    assert (event.message_id, event.at, event.reply_to) == ("wamid_abc123", AT, None)


def test_a_sent_message_is_parsed() -> None:
    event = parse_status(status_event())
    assert (event.status, event.message_id, event.recipient, event.digest) == (
        "sent",
        "wamid_xyz789",
        CUSTOMER,
        TEXT_DIGEST,
    )
    assert (event.job_id, event.code, event.reason, event.at) == (None, None, "", AT)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("delivered", "delivered"), ("read", "read"), ("READ", "read"), ("played", "read"), ("sent", "sent")],
)
def test_a_status_update_contains_its_status(raw: str, expected: str) -> None:
    assert parse_status(status_event("message.status.updated", status=raw)).status == expected


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        ({"error": {"code": 131026, "message": "Undeliverable"}}, "131026", "Undeliverable"),
        ({"error": {"code": "131049", "title": "Limit"}}, "131049", "Limit"),
        ({"errors": [{"code": 131047, "title": "Re-engagement"}]}, "131047", "Re-engagement"),
        ({"error": "(#131026) no route to 919876543210"}, "131026", "(#…) no route to …"),
        ({}, None, ""),
    ],
)
def test_a_failure_has_its_reason_without_number_or_text(error: dict[str, Any], code: str, reason: str) -> None:
    for text in ({"type": "text", "text": "secret words"}, "secret words"):
        event = parse_status(status_event("message.failed", text, **error))
        assert (event.status, event.code, event.reason) == ("failed", code, reason)


@pytest.mark.parametrize(
    "other",
    [
        {"event": "message_sent"},
        {"event": "messages.sent"},
        {"event": "Message.Sent"},
        {"to": "+91 98765 43210"},
        {"to": "919876543210@c.us"},
        {"to": "00919876543210"},
        {"to": 919876543210},
        {"to": None, "recipient_mobile_number": CUSTOMER},
        {"message": "Your order is ready"},
        {"message": {"type": "text", "text": {"body": "Your order is ready"}}},
        {"message": {"text": "  Your order\r\nis ready "}},
        {"something": {"quite": ["new"]}},
    ],
)
def test_other_spellings_are_parsed_alike(other: dict[str, Any]) -> None:
    assert parse_status(status_event() | other) == parse_status(status_event())


def test_a_data_wrapper_and_a_list_are_accepted() -> None:
    wrapped = {"event": "message.sent", "data": {k: v for k, v in status_event().items() if k != "event"}}
    assert parse_status(wrapped) == parse_status(status_event())
    both = parse(json.dumps([received_event(), status_event(), {"event": "template.approved"}]).encode(), NOW)
    assert [type(event) for event in both] == [MessageReceived, StatusChanged, UnknownEvent]


@pytest.mark.parametrize(
    ("message", "extra", "payload", "title"),
    [
        ({"type": "interactive"}, {"replyId": "CONFIRM"}, "CONFIRM", None),
        ({"type": "interactive", "text": "Yes"}, {"replyId": "CONFIRM"}, "CONFIRM", "Yes"),
        ({"type": "interactive", "interactive": {"button_reply": {"id": "r1", "title": "Yes"}}}, {}, "r1", "Yes"),
        ({"type": "interactive", "interactive": {"list_reply": {"id": "r2", "title": "Six"}}}, {}, "r2", "Six"),
        ({"type": "button", "button": {"payload": "CONFIRM", "text": "Confirm"}}, {}, "CONFIRM", "Confirm"),
    ],
)
def test_a_tapped_button_gives_its_id_and_its_title(
    message: dict[str, Any], extra: dict[str, Any], payload: str, title: str | None
) -> None:
    event = parse_received(received_event(message, **extra))
    assert (event.kind, event.payload, event.text) == (message["type"], payload, title)


def test_the_caption_of_an_image_is_its_text() -> None:
    event = parse_received(received_event({"type": "image", "caption": "my receipt", "context": {"id": "wamid_first"}}))
    assert (event.kind, event.text, event.reply_to) == ("image", "my receipt", "wamid_first")


@pytest.mark.parametrize(
    ("event", "about"),
    [
        (received_event(direction="outbound"), "message.received"),
        (status_event(direction="inbound"), "message.sent"),
        (received_event() | {"from": None}, "message.received"),
        (received_event() | {"from": True}, "message.received"),
        (received_event() | {"from": "919876543210@lid"}, "message.received"),
        (status_event("message.status.updated", status="held"), "message.status.updated"),
        (status_event("message.status.updated", status=["read"]), "message.status.updated"),
        (status_event("message.deleted"), "message.deleted"),
        (status_event() | {"message_id": None, "to": None}, "message.sent"),
        ({"event": CUSTOMER}, "nameless"),
        ({"event": "a" * 41}, "nameless"),
        ({"event": {"name": "message.sent"}}, "nameless"),
        ([], "nameless"),
        (None, "nameless"),
    ],
)
def test_an_event_of_another_kind_keeps_its_whole_body(event: Any, about: str) -> None:
    parsed = parse_one(event)
    assert isinstance(parsed, UnknownEvent)
    assert (parsed.about, json.loads(parsed.body), parsed.at) == (about, event, NOW)


@pytest.mark.parametrize("raw", [b"", b"hello", b"\xff\xfe", b'{"event":', b"[" * 100_000, b"1" * 5_000])
def test_bytes_that_are_not_json_are_kept_unchanged(raw: bytes) -> None:
    (event,) = parse(raw, NOW)
    assert isinstance(event, UnknownEvent)
    assert (event.about, event.body) == ("unreadable", raw)


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        (1_705_329_000, AT),
        (1_705_329_000_000, AT),
        (1_705_329_000.5, AT + timedelta(seconds=0.5)),
        ("1705329000", AT),
        ("2024-01-15T14:30:00Z", AT),
        ("2024-01-15T20:00:00+05:30", AT),
        ("2024-01-15T14:30:00", AT),
        ("2024-01-15 14:30:00.250", AT + timedelta(seconds=0.25)),
        *((none, NOW) for none in (None, "", "soon", True, [1_705_329_000], 0, -5, 1e300, "0001-01-01T00:00:00+23:00")),
        (1_705_329_000 + 3_600, NOW),
        ("2030-01-01T00:00:00Z", NOW),
    ],
)
def test_a_time_in_any_form_is_utc_and_not_later_than_its_receipt(stamp: object, at: object) -> None:
    event = parse_received(received_event(timestamp=stamp))
    assert event.at == at
    assert event.at.utcoffset() == timedelta()


def test_a_retry_has_the_same_identity_and_another_status_has_another() -> None:
    events = [
        status_event(),
        status_event(message={"type": "text", "text": "something else"}, timestamp="late"),
        status_event("message.status.updated", status="sent"),
        status_event("message.status.updated", status="delivered"),
        status_event("message.failed"),
        status_event(message_id="wamid_other"),
        received_event(message_id="wamid_xyz789"),
    ]
    identities = [parse_one(one).identity for one in events]
    assert len(set(identities[:3])) == 1
    assert len(set(identities[2:])) == 5


def test_without_an_id_the_content_is_the_identity_in_any_order_of_its_keys() -> None:
    event = status_event(message_id=None)
    assert parse_one(event).identity == parse_one(dict(reversed(event.items()))).identity
    assert parse_one(event).identity != parse_one(event | {"timestamp": 1_705_329_001}).identity


def test_a_digest_separates_its_parts() -> None:
    assert normalization.digest("ab", "c") != normalization.digest("a", "bc")


def test_no_repr_contains_number_text_or_message_id() -> None:
    private = (CUSTOMER, "wamid", "Hello", "Your order is ready")
    for event in (
        parse_one(received_event()),
        parse_one(status_event()),
        parse_one({"event": "x", "text": "Hello", "to": CUSTOMER}),
    ):
        assert not [word for word in private if word in repr(event)]


def test_characters_that_a_database_refuses_are_removed() -> None:
    event = parse_received(received_event({"type": "te\0xt", "text": "a\0b\ud800" + "c" * 5_000}, message_id="w\0"))
    assert event.kind == "unknown"
    assert event.message_id is None
    assert event.text is not None
    assert (event.text[:4], len(event.text)) == ("ab?c", 4_096)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    *("event", "message_id", "direction", "from", "to", "timestamp", "message", "status", "error", "errors", "replyId"),
    *("data", "text", "context", "jobId", "type", "interactive", "button", "button_reply", "id", "code", "title"),
]
EVENTS = ["message.received", "message.sent", "message.failed", "message.status.updated"]
likely = st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=8).flatmap(
    lambda outer: st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=6).map(
        lambda inner: outer | {"message": inner}
    )
)


@given(st.binary())
def test_any_bytes_give_events(raw: bytes) -> None:
    assert len(parse(raw, NOW)) >= 1


@given(
    json_values | likely | st.builds(lambda fields, event: fields | {"event": event}, likely, st.sampled_from(EVENTS))
)
def test_any_json_gives_events_and_equal_content_gives_equal_identities(value: Any) -> None:
    events = parse(json.dumps(value).encode(), NOW)
    assert len(events) == (len(value) if isinstance(value, list) and value else 1)
    again = parse(json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass"), NOW)
    assert [event.identity for event in events] == [event.identity for event in again]
    assert all(event.at <= NOW and len(event.identity) == 32 for event in events)


def test_the_body_of_an_event_parses_to_the_same_event() -> None:
    for raw in (status_event(), received_event(), {"event": "account.alert"}):
        event = parse_one(raw)
        assert parse(event.body, NOW) == [event]


def test_the_outline_of_an_event_contains_no_values() -> None:
    body = parse(json.dumps(status_event(extra=[1, None, {"code": "493817"}])).encode(), NOW)[0].body.decode()
    shown = json.loads(normalization.outline(body))
    assert (shown["message"], shown["extra"]) == ({"type": "str", "text": "str"}, ["int", "NoneType", {"code": "str"}])
    assert not any(secret in normalization.outline(body) for secret in (CUSTOMER, "Your order", "493817", "wamid"))
