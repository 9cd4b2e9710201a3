"""A kind is filled by name; a value that breaks a rule is refused with the kind and the parameter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara import CopyCode, Image, Template, UrlSuffix, Video
from tests.unit.catalogue.templates import CATALOGUE, CODE, PICTURE, PIN, error, message, values


def test_a_one_time_code_is_in_the_body_and_in_the_copy_button() -> None:
    otp = message("otp_verification", CODE)
    body = ["482913", "5", "the login"]
    copy = [CopyCode("482913")]
    assert otp == Template("otp_verification", body=body, buttons=copy, category="authentication")
    assert otp.buttons == (UrlSuffix("482913", index=0),)


def test_the_order_number_is_in_the_header_and_not_in_the_body() -> None:
    order = message("order_confirmation", values("order_confirmation") | {"order": "1042"})
    assert order.header == "1042"
    assert order.body[0] == "customer"


@pytest.mark.parametrize("picture", [PICTURE, Image(PICTURE)])
def test_a_header_image_is_a_link_or_an_image(picture: Any) -> None:
    broadcast = message("promotional_broadcast", values("promotional_broadcast") | {"image": picture})
    assert broadcast.header == Image(PICTURE)


def test_the_language_of_a_call_overrides_the_language_of_the_kind() -> None:
    assert CATALOGUE.message("otp_verification", CODE, language="hi").language == "hi"


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        (
            "otp_verification",
            {"code": "482913", "minutes": "5"},
            "otp_verification.purpose: is missing; this kind has code, minutes, purpose",
        ),
        (
            "otp_verification",
            CODE | {"porpoise": "the login"},
            "otp_verification.porpoise: is not a parameter; this kind has code, minutes, purpose",
        ),
        ("otp_verification", CODE | {"code": "12"}, "otp_verification.code: 4 to 8 digits (this has 2 characters)"),
        ("otp_verification", CODE | {"code": 482913}, "otp_verification.code: must be text (this is of type int)"),
        ("otp_verification", CODE | {"minutes": 5}, "otp_verification.minutes: must be text (this is of type int)"),
        ("otp_verification", CODE | {"purpose": " "}, "otp_verification.purpose: must not be blank"),
        (
            "pin_reset",
            PIN | {"url_suffix": "a b"},
            "pin_reset.url_suffix: must have no space and no #, because it becomes the end of a link",
        ),
        (
            "promotional_broadcast",
            values("promotional_broadcast") | {"image": Video("https://example.com/a.mp4")},
            "promotional_broadcast.image: must be of type Image, or its link (this is of type Video)",
        ),
        (
            "promotional_broadcast",
            values("promotional_broadcast") | {"image": "http://example.com/a.jpg"},
            "promotional_broadcast.image: must begin with https://",
        ),
        (
            "promotional_broadcast",
            values("promotional_broadcast") | {"image": Image(PICTURE, caption="New")},
            "promotional_broadcast.image: a header has no caption; move it to the body",
        ),
    ],
)
def test_an_error_names_the_kind_and_the_parameter(kind: str, parameters: dict[str, Any], expected: str) -> None:
    assert error(kind, parameters, opted_in=True) == expected


def test_the_error_for_an_unknown_kind_suggests_similar_names() -> None:
    text = error("appointment_remainder", {})
    assert "similar are appointment_reminder, appointment_reminder_2h" in text
    assert "`harkara templates`" in text


@given(st.from_regex(r"\A[0-9 ]{5,19}\Z").filter(lambda card: sum(map(str.isdigit, card)) > 4))
def test_a_card_number_is_never_shown_in_full(card: str) -> None:
    assert error("pin_reset", PIN | {"card": card}).startswith("pin_reset.card: at most the last four digits")


def test_a_masked_card_number_has_no_asterisk() -> None:
    for card in ("4242", "•••• 4242", "XXXX-4242"):
        assert message("pin_reset", PIN | {"card": card}).body[1] == card
    assert "no asterisk" in error("pin_reset", PIN | {"card": "**** 4242"})


def test_a_marketing_kind_needs_opted_in() -> None:
    parameters = values("promotional_broadcast")
    assert "only for people who agreed to it" in error("promotional_broadcast", parameters)
    assert CATALOGUE.message("promotional_broadcast", parameters, opted_in=True).category == "marketing"
