"""The shapes of the events, known and likely, and that nothing else is taken for one of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.chatmitra.webhooks import parse
from harkara.inbound import fingerprint, values
from harkara.inbound.events import MessageReceived, StatusChanged, UnknownEvent
from tests.unit.inbound.cases import AT, CUSTOMER, NOW, as_received, as_status, only, received, status

WORDS = fingerprint.of_message({"type": "text", "text": "Your order is ready"})


def test_a_text_of_a_customer() -> None:
    event = as_received(received())
    assert (event.sender, event.kind, event.text, event.payload) == (CUSTOMER, "text", "Hello", None)
    assert (event.message_id, event.at, event.reply_to) == ("wamid_abc123", AT, None)


def test_a_message_of_ours_that_went_out() -> None:
    event = as_status(status())
    assert (event.status, event.message_id, event.recipient, event.digest) == ("sent", "wamid_xyz789", CUSTOMER, WORDS)
    assert (event.job_id, event.code, event.reason, event.at) == (None, None, "", AT)


@pytest.mark.parametrize(
    ("said", "expected"),
    [("delivered", "delivered"), ("read", "read"), ("READ", "read"), ("played", "read"), ("sent", "sent")],
)
def test_a_status_update_names_its_status(said: str, expected: str) -> None:
    assert as_status(status("message.status.updated", status=said)).status == expected


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
def test_a_failure_says_why_and_never_repeats_number_or_text(error: dict[str, Any], code: str, reason: str) -> None:
    for text in ({"type": "text", "text": "secret words"}, "secret words"):
        event = as_status(status("message.failed", text, **error))
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
def test_other_spellings_say_the_same(other: dict[str, Any]) -> None:
    assert as_status(status() | other) == as_status(status())


def test_a_data_wrapper_and_a_list_are_read_as_well() -> None:
    wrapped = {"event": "message.sent", "data": {k: v for k, v in status().items() if k != "event"}}
    assert as_status(wrapped) == as_status(status())
    both = parse(json.dumps([received(), status(), {"event": "template.approved"}]).encode(), NOW)
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
def test_a_tap_brings_the_id_and_the_title(
    message: dict[str, Any], extra: dict[str, Any], payload: str, title: str | None
) -> None:
    event = as_received(received(message, **extra))
    assert (event.kind, event.payload, event.text) == (message["type"], payload, title)


def test_a_picture_opens_the_window_too_and_its_caption_is_its_text() -> None:
    event = as_received(received({"type": "image", "caption": "my receipt", "context": {"id": "wamid_first"}}))
    assert (event.kind, event.text, event.reply_to) == ("image", "my receipt", "wamid_first")


@pytest.mark.parametrize(
    ("said", "about"),
    [
        (received(direction="outbound"), "message.received"),
        (status(direction="inbound"), "message.sent"),
        (received() | {"from": None}, "message.received"),
        (received() | {"from": True}, "message.received"),
        (received() | {"from": "US.13491208655302741918"}, "message.received"),
        (status("message.status.updated", status="held"), "message.status.updated"),
        (status("message.status.updated", status=["read"]), "message.status.updated"),
        (status("message.deleted"), "message.deleted"),
        (status() | {"message_id": None, "to": None}, "message.sent"),
        ({"event": CUSTOMER}, "nameless"),
        ({"event": "a" * 41}, "nameless"),
        ({"event": {"name": "message.sent"}}, "nameless"),
        ([], "nameless"),
        (None, "nameless"),
    ],
)
def test_what_is_no_known_event_is_kept_whole(said: Any, about: str) -> None:
    event = only(said)
    assert isinstance(event, UnknownEvent)
    assert (event.about, json.loads(event.body), event.at) == (about, said, NOW)


@pytest.mark.parametrize("raw", [b"", b"hello", b"\xff\xfe", b'{"event":', b"[" * 100_000, b"1" * 5_000])
def test_bytes_that_are_no_json_are_kept_as_they_came(raw: bytes) -> None:
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
def test_a_time_is_utc_in_whatever_form_and_never_later_than_its_receipt(stamp: object, at: object) -> None:
    event = as_received(received(timestamp=stamp))
    assert event.at == at
    assert event.at.utcoffset() == timedelta()


def test_a_retry_has_the_same_identity_and_another_status_of_the_message_has_not() -> None:
    said = [
        status(),
        status(message={"type": "text", "text": "something else"}, timestamp="late"),
        status("message.status.updated", status="sent"),
        status("message.status.updated", status="delivered"),
        status("message.failed"),
        status(message_id="wamid_other"),
        received(message_id="wamid_xyz789"),
    ]
    identities = [only(one).identity for one in said]
    assert len(set(identities[:3])) == 1
    assert len(set(identities[2:])) == 5


def test_without_an_id_the_content_is_the_identity_in_whatever_order_its_keys_come() -> None:
    said = status(message_id=None)
    assert only(said).identity == only(dict(reversed(said.items()))).identity
    assert only(said).identity != only(said | {"timestamp": 1_705_329_001}).identity


def test_two_parts_of_an_identity_do_not_run_into_each_other() -> None:
    assert values.digest("ab", "c") != values.digest("a", "bc")


def test_number_text_and_message_id_are_in_no_repr() -> None:
    private = (CUSTOMER, "wamid", "Hello", "Your order is ready")
    for event in (only(received()), only(status()), only({"event": "x", "text": "Hello", "to": CUSTOMER})):
        assert not [word for word in private if word in repr(event)]


def test_what_a_database_refuses_does_not_get_through() -> None:
    event = as_received(received({"type": "te\0xt", "text": "a\0b\ud800" + "c" * 5_000}, message_id="w\0"))
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
def test_no_bytes_whatever_raise(raw: bytes) -> None:
    assert len(parse(raw, NOW)) >= 1


@given(json_values | likely | st.builds(lambda said, event: said | {"event": event}, likely, st.sampled_from(EVENTS)))
def test_no_json_whatever_raises_and_the_same_content_has_the_same_identities(said: Any) -> None:
    events = parse(json.dumps(said).encode(), NOW)
    assert len(events) == (len(said) if isinstance(said, list) and said else 1)
    again = parse(json.dumps(said, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass"), NOW)
    assert [event.identity for event in events] == [event.identity for event in again]
    assert all(event.at <= NOW and len(event.identity) == 32 for event in events)


def test_an_event_is_read_again_from_its_own_body_as_the_same() -> None:
    for said in (status(), received(), {"event": "account.alert"}):
        event = only(said)
        assert parse(event.body, NOW) == [event]


def test_the_outline_of_an_event_says_nothing_of_what_was_said() -> None:
    body = parse(json.dumps(status(extra=[1, None, {"code": "493817"}])).encode(), NOW)[0].body.decode()
    shown = json.loads(values.outline(body))
    assert (shown["message"], shown["extra"]) == ({"type": "str", "text": "str"}, ["int", "NoneType", {"code": "str"}])
    assert not any(secret in values.outline(body) for secret in (CUSTOMER, "Your order", "493817", "wamid"))
