"""The envelope: its fields, defaults and limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harkara.errors import Invalid
from harkara.messages import Contact, Contacts, Envelope, Message, Template, Text, UrlSuffix
from tests.unit.messages.fixtures import NOON, OTP, REMINDER, SALE, TO, envelope


def error_of(**options: Any) -> str:
    with pytest.raises(Invalid) as error:
        Envelope(**{"to": TO, "messages": [Text("Hello")]} | options)
    return str(error.value)


@pytest.mark.parametrize(
    ("items", "category", "priority", "quiet"),
    [
        ([Text("Hello")], "reply", 1, False),
        ([OTP], "authentication", 0, False),
        ([REMINDER], "utility", 2, False),
        ([SALE], "marketing", 3, True),
        ([Text("Hello"), REMINDER], "utility", 2, False),
        ([REMINDER, SALE, Text("Hello")], "marketing", 3, True),
        ([SALE, OTP], "authentication", 0, False),
    ],
)
def test_category_priority_and_quiet_default_to_those_of_the_messages(
    items: list[Message], category: str, priority: int, quiet: bool
) -> None:
    made = envelope(*items)
    assert (made.category, made.priority, made.quiet) == (category, priority, quiet)


def test_given_values_override_the_defaults() -> None:
    made = envelope(category="marketing", priority=0, quiet=False)
    assert (made.category, made.priority, made.quiet) == ("marketing", 0, False)
    assert envelope(category="marketing").priority == 3


def test_kind_and_template_describe_the_messages() -> None:
    assert (envelope().kind, envelope().template) == ("text", None)
    assert (envelope(OTP).kind, envelope(OTP).template) == ("template", "otp")
    assert (envelope(Text("Hello"), SALE).kind, envelope(Text("Hello"), SALE).template) == ("batch", "sale")


def test_ids_are_unique_and_in_order_of_time() -> None:
    ids = [envelope().id for _ in range(100)]
    assert ids == sorted(set(ids))
    assert all(len(id) == 36 and id.startswith("job_") for id in ids)


def test_times_become_utc() -> None:
    made = envelope(at=datetime(2026, 11, 24, 17, 30, tzinfo=ZoneInfo("Asia/Kolkata")), expires="2026-11-24T13:00:00Z")
    assert made.at == NOON
    assert made.at.tzinfo is UTC
    assert made.expires == NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"to": "98765"}, "to: is too short: at least 10 digits with the country code (this has 5)"),
        ({"messages": []}, "messages: 1 to 10 messages (this has 0)"),
        ({"messages": [Text("a")] * 11}, "messages: 1 to 10 messages (this has 11)"),
        ({"messages": "Hello"}, "messages: must be a list (this is of type str)"),
        ({"messages": ["Hello"]}, "messages[0]: must be a message such as Text or Template (this is of type str)"),
        ({"id": ""}, "id: must be job_ and 32 hexadecimal digits"),
        ({"reference": ""}, "reference: 1 to 200 printable characters (this has 0)"),
        ({"reference": "x" * 201}, "reference: 1 to 200 printable characters (this has 201)"),
        ({"reference": "a\nb"}, "reference: 1 to 200 printable characters (this has 3)"),
        ({"lane": "Main"}, "lane: 1 to 40 of a-z, 0-9, _ and - (this has 4 characters)"),
        ({"producer": "x" * 41}, "producer: 1 to 40 of a-z, 0-9, _ and - (this has 41 characters)"),
        ({"category": "otp"}, "category: must be 'authentication', 'reply', 'utility' or 'marketing'"),
        ({"category": ["otp"]}, "category: must be 'authentication', 'reply', 'utility' or 'marketing'"),
        ({"priority": 4}, "priority: must be less than or equal to 3"),
        ({"priority": -1}, "priority: must be greater than or equal to 0"),
        ({"priority": True}, "priority: must be a valid integer (this is of type bool)"),
        (
            {"customer_name": "Asha\nRao"},
            "customer_name: has line breaks, tabs or other control characters; write it on one line (this has 1)",
        ),
        ({"alt_texts": {"name": "Guest"}}, "alt_texts: every key must be a $ and a name, such as $name"),
        ({"alt_texts": {"$name": ""}}, "alt_texts.$name: must not be blank"),
        ({"alt_texts": {"$name": 5}}, "alt_texts.$name: must be text (this is of type int)"),
        ({"alt_texts": ["$name"]}, "alt_texts: must be an object such as {'$name': 'Guest'} (this is of type list)"),
        (
            {"at": datetime(2026, 11, 24)},
            "at: has no time zone; add one, such as tzinfo=ZoneInfo('Asia/Kolkata') or +05:30",
        ),
        (
            {"at": "2026-11-24T09:00"},
            "at: has no time zone; add one, such as tzinfo=ZoneInfo('Asia/Kolkata') or +05:30",
        ),
        ({"at": "tomorrow"}, "at: must be a time in ISO 8601, such as 2026-11-24T09:00:00+05:30"),
        ({"at": 1_795_500_000}, "at: must be a datetime (this is of type int)"),
        (
            {"expires": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
            "expires: must lie in the years 2000 to 2199 (this is in the year 9999)",
        ),
        ({"at": "0001-01-01T00:00:00Z"}, "at: must lie in the years 2000 to 2199 (this is in the year 1)"),
        ({"at": "0001-01-01T00:00:00+05:30"}, "at: must lie in the years 2000 to 2199 (this is in the year 1)"),
        ({"at": "1970-01-01T00:00:00Z"}, "at: must lie in the years 2000 to 2199 (this is in the year 1970)"),
        ({"at": "2200-01-01T00:00:00Z"}, "at: must lie in the years 2000 to 2199 (this is in the year 2200)"),
        ({"at": NOON, "expires": NOON}, "expires: must be later than at"),
    ],
)
def test_an_invalid_field_is_refused_with_its_name(options: dict[str, Any], complaint: str) -> None:
    assert error_of(**options) == complaint


def test_a_placeholder_needs_a_value() -> None:
    greeting = Template("hello", body=["Dear $name", "your $item"], buttons=[UrlSuffix("$id")])
    rule = "has a $placeholder without a value; give it one in alt_texts, or customer_name for $name"
    assert error_of(messages=[Text("$name"), greeting]) == f"messages[1].body[0]: {rule}"
    assert error_of(messages=[greeting], customer_name="") == f"messages[0].body[0]: {rule}"
    assert error_of(messages=[greeting], customer_name="Asha") == f"messages[0].body[1]: {rule}"
    assert error_of(messages=[greeting], customer_name="Asha", alt_texts={"$item": "order"}).startswith("messages[0].b")
    envelope(greeting, customer_name="Asha", alt_texts={"$item": "order", "$id": "0"})
    envelope(greeting, alt_texts={"$name": "Guest", "$item": "order", "$id": "0"})


def test_the_request_has_a_maximum_size() -> None:
    big = Contacts([Contact("x" * 256, phones=["1" * 256] * 3)] * 257)
    complaint = error_of(messages=[big])
    assert complaint.startswith("messages: at most 262,144 bytes of JSON in all (this has 2")
    assert error_of(alt_texts={f"$a{number}": "न" * 1_024 for number in range(100)}).startswith(
        "messages: at most 262,144"
    )


def test_neither_repr_nor_error_shows_number_or_text() -> None:
    shown = repr(envelope(Text("secret"), id="job_" + "0" * 32))
    assert shown == f"Envelope(id='job_{'0' * 32}', kind='text', category='reply', lane='default')"


def test_a_fallback_is_a_template_for_messages_that_are_not() -> None:
    assert envelope(Text("Hello"), fallback=REMINDER).fallback == REMINDER
    assert envelope(Text("Hello"), SALE, fallback=REMINDER).fallback == REMINDER
    message = error_of(fallback=Text("Hello again"))
    rule = "must be a Template: WhatsApp delivers nothing else outside the 24-hour window"
    assert message == f"fallback: {rule} (this is of type Text)"
    assert error_of(messages=[SALE], fallback=REMINDER).startswith(
        "fallback: is for messages that a closed 24-hour window stops"
    )


def test_a_placeholder_of_the_fallback_needs_a_value_too() -> None:
    greeting = Template("we_miss_you", body=["$name"])
    assert envelope(fallback=greeting, customer_name="Asha").fallback == greeting
    assert error_of(fallback=greeting).startswith("fallback.body[0]: has a $placeholder without a value")


def test_a_fallback_is_not_part_of_the_request() -> None:
    assert envelope(fallback=REMINDER).body() == envelope().body()
