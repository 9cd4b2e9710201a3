"""The envelope as JSON: the request to Chat Mitra, and the form that is stored in Redis."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.errors import Invalid
from harkara.messages import Envelope, Image, Message, Template, Text
from harkara.messages.validation import as_handed_over
from harkara.phone import normalize
from tests.unit.messages.fixtures import NOON, OTP, SALE, TO, envelope
from tests.unit.messages.strategies import messages

SIMPLE: dict[str, Any] = {
    "recipient_mobile_number": "919999999999",
    "message": "Hello! Your order #12345 is ready for pickup 📦",
}
PICTURE: dict[str, Any] = {
    "recipient_mobile_number": "919999999999",
    "messages": [
        {
            "kind": "raw",
            "payload": {
                "type": "image",
                "image": {
                    "link": "https://cloudinary.com/product-image.jpg",
                    "caption": "Check out our new product!",
                },
            },
        }
    ],
}

ASTERISK = "has an asterisk, which Chat Mitra refuses; remove it (this has 1)"


@pytest.mark.parametrize("body", [SIMPLE, PICTURE])
def test_the_requests_of_the_documentation_stay_unchanged(body: dict[str, Any]) -> None:
    assert Envelope.from_wire(body).body() == body


def test_a_plain_text_uses_the_simple_form() -> None:
    assert envelope(Text("Hello")).body() == {"recipient_mobile_number": TO, "message": "Hello"}


@pytest.mark.parametrize(
    "items",
    [[Text("Hello", form="raw")], [Text("Hello", preview_url=True)], [Text("Hello"), Text("Again")], [OTP]],
)
def test_everything_else_uses_messages(items: list[Message]) -> None:
    body = {"recipient_mobile_number": TO, "messages": [item.wire() for item in items]}
    assert envelope(*items).body() == body


def test_name_and_fallbacks_are_in_the_body_only_when_given() -> None:
    body = envelope(customer_name="", alt_texts={"$name": "Guest"}).body()
    assert body["customer_name"] == ""
    assert body["altTexts"] == {"$name": "Guest"}
    assert envelope().body().keys() == {"recipient_mobile_number", "message"}


def test_the_json_of_the_body_is_compact_and_does_not_escape_letters() -> None:
    assert envelope(Text("नमस्ते")).body_json() == f'{{"recipient_mobile_number":"{TO}","message":"नमस्ते"}}'


@given(messages.filter(lambda message: message.kind != "location"))
def test_the_json_of_the_body_is_written_as_by_the_standard_library(item: Message) -> None:
    """Earlier releases did, and a digest of it recognizes repeats. A coordinate below 0.0001 has another spelling."""
    written = envelope(item)
    assert written.body_json() == json.dumps(written.body(), ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ([], "body: must be an object (this is of type list)"),
        ({}, "recipient_mobile_number: must not be empty"),
        (SIMPLE | {"recipient_mobile_number": 919999999999}, "recipient_mobile_number: must be text"),
        (SIMPLE | {"recipient_mobile_number": "6581123456"}, "recipient_mobile_number: can be read as two numbers"),
        (SIMPLE | {"to": TO}, "to: unknown key; known are altTexts, customer_name, message, messages, recipient_"),
        (SIMPLE | {"message": None}, "message: give either message or messages, and not both"),
        (SIMPLE | {"messages": []}, "message: give either message or messages, and not both"),
        (SIMPLE | {"message": "x" * 5_000}, "message: at most 4,096 characters (this has 5,000)"),
        (SIMPLE | {"message": ["a"]}, "message: must be a valid string (this is of type list)"),
        (SIMPLE | {"altTexts": {"name": "a"}}, "altTexts: every key must be a $ and a name"),
        (
            SIMPLE | {"altTexts": {"$name": "*"}},
            f"altTexts.$name: {ASTERISK}",
        ),
        (
            SIMPLE | {"customer_name": "*"},
            f"customer_name: {ASTERISK}",
        ),
        (PICTURE | {"messages": "Hello"}, "messages: must be a list (this is of type str)"),
        (PICTURE | {"messages": []}, "messages: 1 to 10 messages (this has 0)"),
        (PICTURE | {"messages": [*PICTURE["messages"], "Hello"]}, "messages[1].kind: must be raw or template"),
        (
            PICTURE | {"messages": [{"kind": "raw", "payload": {"type": "text", "text": {"body": "*"}}}]},
            f"messages[0].payload.text.body: {ASTERISK}",
        ),
        (
            PICTURE | {"messages": [Template("visit", body=["$city"]).wire()]},
            "messages[0].body[0]: has a $placeholder without a value; give it one in altTexts, or customer_name",
        ),
    ],
)
def test_a_request_is_refused_in_its_own_field_names(body: Any, complaint: str) -> None:
    with pytest.raises(Invalid) as refused:
        Envelope.from_wire(body)
    assert str(refused.value).startswith(complaint)


def test_a_request_takes_further_fields_as_options() -> None:
    made = Envelope.from_wire(SIMPLE, reference="order-1", lane="shop", at="2026-11-24T17:30:00+05:30")
    assert (made.reference, made.lane, made.at) == ("order-1", "shop", NOON)
    with pytest.raises(Invalid, match="sender: unknown key; known are alt_texts, at, category"):
        Envelope.from_wire(SIMPLE, sender="me")


def test_a_bare_number_of_the_region_is_completed() -> None:
    assert Envelope.from_wire(SIMPLE | {"recipient_mobile_number": "98765 43210"}).to == TO
    assert Envelope.from_wire(SIMPLE | {"recipient_mobile_number": "81234567"}, region="SG").to == "6581234567"


def test_the_number_of_a_stored_request_has_its_country_code() -> None:
    stored = Envelope(to="+6581123456", messages=[Text("Hello")]).body()
    with as_handed_over():
        assert Envelope.from_wire(stored).body() == stored


def test_a_normalized_number_is_not_parsed_again() -> None:
    assert Envelope(to=normalize("+6581123456"), messages=[Text("Hello")]).to == "6581123456"
    assert Envelope.from_json(Envelope(to="+6581123456", messages=[Text("Hello")]).to_json()).to == "6581123456"


moments = st.none() | st.datetimes(
    datetime(2026, 1, 1),
    datetime(2030, 1, 1),
    timezones=st.sampled_from([UTC, ZoneInfo("America/New_York")]),
)


@given(
    items=st.lists(messages | st.sampled_from([OTP, SALE, Text("Hello", form="raw")]), min_size=1, max_size=4),
    options=st.fixed_dictionaries(
        {},
        optional={
            "customer_name": st.sampled_from(["", "Asha", "आशा"]),
            "alt_texts": st.just({"$name": "Guest"}),
            "reference": st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=200),
            "lane": st.sampled_from(["shop", "a-b_9"]),
            "producer": st.just("crm"),
            "category": st.sampled_from(["authentication", "reply", "utility", "marketing"]),
            "priority": st.integers(0, 3),
            "quiet": st.booleans(),
            "at": moments,
        },
    ),
)
def test_an_envelope_survives_the_json_of_redis_unchanged(items: list[Message], options: dict[str, Any]) -> None:
    original = envelope(*items, **options)
    restored = Envelope.from_json(original.to_json())
    assert restored == original
    assert restored.to_json().encode() == original.to_json().encode()
    assert restored.body_json() == original.body_json()


@given(messages)
def test_a_request_is_parsed_back_to_the_same_request(message: Message) -> None:
    body = envelope(message).body()
    assert Envelope.from_wire(json.loads(json.dumps(body))).body() == body


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"to": "12"}, "to: is too short"),
        ({"to": None}, "to: must have no letters"),
        ({"messages": {}}, "messages: must be a list"),
        ({"messages": ["Hello"]}, "messages[0]: must be an object"),
        ({"messages": [{"kind": "raw"}]}, "messages[0].payload.type: must be one of"),
        ({"messages": [Text("a").wire() | {"aside": {"body": "b"}}]}, "messages[0].body: unknown key; known are form"),
        ({"messages": [Image("https://a.in/b.jpg").wire() | {"aside": 5}]}, "messages[0]: must be an object"),
        ({"at": "soon"}, "at: must be a time in ISO 8601"),
        ({"priority": "0"}, "priority: must be a valid integer"),
        ({"color": "red"}, "color: unknown key"),
    ],
)
def test_an_envelope_from_redis_is_validated_again(changes: dict[str, Any], complaint: str) -> None:
    fields = json.loads(envelope().to_json()) | changes
    with pytest.raises(Invalid) as refused:
        Envelope.from_json(json.dumps(fields))
    assert str(refused.value).startswith(complaint)


@pytest.mark.parametrize("text", ["", "{", b"\xff", "[]", "5", "{}"])
def test_other_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(Invalid):
        Envelope.from_json(text)


def test_a_fallback_keeps_its_category_in_redis() -> None:
    made = envelope(Text("Hello"), fallback=SALE)
    restored = Envelope.from_json(made.to_json())
    assert restored == made
    assert restored.fallback
    assert restored.fallback.category == "marketing"


def test_a_fallback_may_have_the_form_of_a_request() -> None:
    item = SALE.wire() | {"aside": {"category": "marketing"}}
    assert Envelope.from_wire(SIMPLE, fallback=item).fallback == SALE
    assert Envelope.from_wire(SIMPLE, fallback=item).fallback == SALE  # the item itself is not changed
    with pytest.raises(Invalid, match=r"^fallback\.template\.name: "):
        Envelope.from_wire(SIMPLE, fallback={"kind": "template", "template": {"name": "Sale!", "language": "en"}})
