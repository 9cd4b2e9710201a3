"""All that a customer sends reaches the application, in every known and likely shape of the webhook."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.chatmitra.webhooks import parse
from harkara.inbound.content import MAX_BYTES, bounded
from harkara.inbound.events import MessageReceived, PreferenceChanged, UnknownEvent
from tests.unit.chatmitra.samples import AT, CUSTOMER, NOW, parse_one, parse_received, received_event, status_event

FLOW = {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": '{"slot":"10:30"}'}}}
ORDER = {
    "type": "order",
    "order": {"catalog_id": "c1", "product_items": [{"product_retailer_id": "p1", "quantity": 2}]},
}
REACTION = {"type": "reaction", "reaction": {"message_id": "wamid_ours", "emoji": "👍"}}
REACTION_BACK = {"type": "reaction", "reaction": {"message_id": "wamid_ours", "emoji": ""}}
EDIT = {
    "type": "edit",
    "edit": {"original_message_id": "wamid_1", "message": {"type": "text", "text": {"body": "Please stop"}}},
}
REVOKE = {"type": "revoke", "revoke": {"original_message_id": "wamid_1"}}

MESSAGES: list[dict[str, Any]] = [
    FLOW,
    ORDER,
    REACTION,
    REACTION_BACK,
    EDIT,
    REVOKE,
    {"type": "location", "location": {"latitude": 18.5, "longitude": 73.8, "name": "Clinic"}},
    {"type": "contacts", "contacts": [{"name": {"formatted_name": "Asha"}, "phones": [{"phone": "+91 98765 43210"}]}]},
    {"type": "audio", "audio": {"id": "m1", "voice": True}},
    {"type": "sticker", "sticker": {"id": "m2", "animated": False}},
    {"type": "document", "document": {"id": "m3", "filename": "report.pdf", "caption": "My report"}},
    {"type": "poll_update", "poll_update": {"votes": ["Monday"]}},
    {"type": "unsupported", "errors": [{"code": 131051, "title": "Message type unknown"}]},
    {"type": "hologram", "hologram": {"of": ["something", {"quite": "new"}]}},
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["type"])
def test_what_a_customer_sent_is_kept_whole_whatever_its_type(message: dict[str, Any]) -> None:
    event = parse_received(received_event(message))
    assert event.content.fields == message
    assert not event.content.truncated
    assert event.kind == message["type"]


@pytest.mark.parametrize("kind", ["image", "video", "document"])
@pytest.mark.parametrize("flat", [False, True])
def test_a_caption_is_text_wherever_it_stands(kind: str, *, flat: bool) -> None:
    message = {"type": kind, "caption": "STOP"} if flat else {"type": kind, kind: {"id": "1", "caption": "STOP"}}
    assert parse_received(received_event(message)).text == "STOP"
    assert parse_received(received_event(message | {"text": None})).text == "STOP"
    assert parse_received(received_event(message | {"text": "  "})).text == "STOP"


def test_the_fields_of_a_message_may_stand_in_the_event_itself() -> None:
    event = {"event": "message.received", "from": CUSTOMER, "message_id": "wamid_1", "timestamp": 1_705_329_000}
    image = {"type": "image", "image": {"id": "1", "caption": "STOP"}}
    flat = parse_received(event | image)
    assert (flat.kind, flat.text, flat.content.fields) == ("image", "STOP", image)


@pytest.mark.parametrize("message", [None, {"type": "text"}, {"type": "interactive"}, {"type": "text", "text": "STOP"}])
def test_a_text_may_stand_beside_the_message(message: dict[str, Any] | None) -> None:
    said = "Start" if message and "text" in message else "STOP"
    assert parse_received(received_event() | {"message": message, "text": said}).text == "STOP"


def test_what_stands_beside_the_message_is_kept_too() -> None:
    beside = {"replyId": "CONFIRM", "referral": {"source_id": "ad_7"}}
    event = parse_received(received_event({"type": "interactive", "text": "Yes"}, **beside))
    assert event.content.fields == {"type": "interactive", "text": "Yes", **beside}


@pytest.mark.parametrize(
    ("message", "opens"),
    [(FLOW, True), (REACTION, True), (ORDER, True), (EDIT, False), (REVOKE, False), ({"type": "unsupported"}, True)],
)
def test_only_a_new_message_opens_the_window(message: dict[str, Any], *, opens: bool) -> None:
    assert parse_received(received_event(message)).opens_window is opens


def test_a_message_in_a_group_opens_no_window() -> None:
    event = parse_received(received_event({"type": "text", "text": "Hello"}, group_id="120363040000000000"))
    assert (event.text, event.opens_window) == ("Hello", False)


def test_an_edited_text_is_read_and_a_deleted_one_is_not() -> None:
    assert parse_received(received_event(EDIT)).text == "Please stop"
    assert parse_received(received_event(REVOKE | {"text": "STOP"})).text is None


@pytest.mark.parametrize("name", ["message.deleted", "message.edited", "message_reaction", "message.reaction.removed"])
def test_an_event_of_an_unknown_name_about_a_customers_message_is_kept_for_the_application(name: str) -> None:
    event = parse_one(received_event({"emoji": "👍"}) | {"event": name})
    assert isinstance(event, MessageReceived)
    assert event.kind in ("deleted", "edited", "reaction", "reaction_removed")
    assert not event.opens_window
    assert event.content.fields["emoji"] == "👍"
    assert isinstance(parse_one(status_event(name)), UnknownEvent), "this one is about a message of ours"


def test_a_reaction_is_about_the_message_that_it_reacts_to() -> None:
    assert parse_received(received_event(REACTION)).reply_to == "wamid_ours"


def test_changes_of_one_message_are_different_events() -> None:
    """They may carry the id of the message that they are about."""
    later = EDIT | {"edit": {"original_message_id": "wamid_1", "message": {"type": "text", "text": "Hello again"}}}
    events = [received_event(message) for message in ({"text": "Hello"}, EDIT, later, REVOKE, REACTION, REACTION_BACK)]
    assert len({parse_one(event).identity for event in events}) == len(events)
    assert parse_one(events[1]).identity == parse_one(events[1]).identity


def test_a_large_message_is_cut_and_says_so() -> None:
    people = [{"name": {"formatted_name": f"Person {n}"}, "phones": [{"phone": "+91 98765 43210"}]} for n in range(500)]
    content = parse_received(received_event({"type": "contacts", "contacts": people})).content
    assert content.truncated
    assert content.fields["contacts"] == people[:50]
    text = parse_received(received_event({"type": "text", "text": "x" * 100_000})).content
    assert (text.truncated, text.fields) == (True, {"type": "text", "text": "x" * 4_096})


def test_the_longest_text_of_whatsapp_is_never_cut() -> None:
    content = parse_received(received_event({"type": "text", "text": {"body": "क" * 4_096}})).content
    assert not content.truncated


def test_content_that_no_database_or_json_parser_takes_is_made_harmless() -> None:
    message = b'{"type":"x","a\\u0000b":"c\\u0000\\ud800","n":1e999}'
    raw = b'{"event":"message.received","from":"919876543210","message":' + message + b"}"
    (event,) = parse(raw, NOW)
    assert isinstance(event, MessageReceived)
    assert event.content.fields == {"type": "x", "ab": "c?", "n": None}
    nested: Any = "deep"
    for _ in range(60):
        nested = [nested]
    deep = parse_received(received_event({"type": "x", "x": nested})).content
    assert deep.truncated


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=20), json_values, max_size=5), st.integers(1, 40))
def test_any_content_is_bounded_json(message: dict[str, Any], times: int) -> None:
    content = bounded({name: [value] * times for name, value in message.items()} | {"long": ["क" * 999] * times})
    stored = json.dumps(content.fields, ensure_ascii=False, allow_nan=False)
    assert len(stored.encode()) <= MAX_BYTES
    assert "\\u0000" not in stored


CHOICE = {
    "wa_id": CUSTOMER,
    "detail": "User requested to stop marketing messages",
    "category": "marketing_messages",
    "value": "stop",
    "timestamp": 1_705_329_000,
}


@pytest.mark.parametrize(
    "event",
    [
        {"event": "user.preferences", **CHOICE},
        {"event": "user_preferences", "user_preferences": [CHOICE]},
        {"event": "user_preferences", "data": {"user_preferences": CHOICE}},
        {"event": "user.preferences", "preference": CHOICE},
        {"event": "User_Preferences", "from": CUSTOMER, "preference": {**CHOICE, "wa_id": None}},
    ],
)
def test_a_choice_in_whatsapps_own_menu_is_a_preference(event: dict[str, Any]) -> None:
    parsed = parse_one(event)
    assert isinstance(parsed, PreferenceChanged)
    assert (parsed.names, parsed.action, parsed.at) == ((CUSTOMER,), "opt-out", AT)
    assert parsed.proof == "User requested to stop marketing messages"


def test_resume_is_an_opt_in_and_anything_else_is_no_choice() -> None:
    resumed = parse_one({"event": "user.preferences", **CHOICE, "value": "resume", "detail": None})
    assert isinstance(resumed, PreferenceChanged)
    assert (resumed.action, resumed.proof) == ("opt-in", "marketing_messages: resume")
    for other in ({"value": "maybe"}, {"category": "calls"}, {"wa_id": None}, {"value": ["stop"]}):
        assert isinstance(parse_one({"event": "user.preferences", **CHOICE, **other}), UnknownEvent)


def test_several_choices_in_one_webhook_are_an_event_each() -> None:
    choices = [CHOICE, CHOICE | {"wa_id": "919876500001", "value": "resume"}]
    parsed = parse(json.dumps({"event": "user_preferences", "user_preferences": choices}).encode(), NOW)
    assert [one.action for one in parsed if isinstance(one, PreferenceChanged)] == ["opt-out", "opt-in"]
    assert len({one.identity for one in parsed}) == 2
    assert [parse(one.body, NOW) for one in parsed if isinstance(one, PreferenceChanged)] == [[one] for one in parsed]
