"""Template messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harkara.errors import Invalid
from harkara.messages import Audio, CopyCode, Document, Image, QuickReply, Template, UrlSuffix
from tests.unit.messages.deferred import deferred


def components(template: Template) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = template.wire()["template"]["components"]
    return found


def test_a_template_has_the_shape_that_chat_mitra_accepts() -> None:
    message = Template(
        "order_confirmation",
        "en_US",
        header=Image("https://example.com/a.jpg"),
        body=["Asha", "#12345"],
        buttons=[UrlSuffix("12345"), QuickReply("CONFIRM")],
    )
    assert message.wire() == {
        "kind": "template",
        "template": {
            "name": "order_confirmation",
            "language": "en_US",
            "components": [
                {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://example.com/a.jpg"}}]},
                {"type": "body", "parameters": [{"type": "text", "text": "Asha"}, {"type": "text", "text": "#12345"}]},
                {
                    "type": "button",
                    "sub_type": "url",
                    "index": "0",
                    "parameters": [{"type": "text", "text": "12345"}],
                },
                {
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": "1",
                    "parameters": [{"type": "payload", "payload": "CONFIRM"}],
                },
            ],
        },
    }


def test_a_template_without_variables_has_no_components() -> None:
    assert Template("hello").wire()["template"] == {"name": "hello", "language": "en", "components": []}


def test_a_one_time_password_is_sent_in_the_body_and_as_the_end_of_the_buttons_link() -> None:
    otp = Template("otp", body=["123456"], buttons=[CopyCode("123456")], category="authentication")
    assert components(otp)[1] == {
        "type": "button",
        "sub_type": "url",
        "index": "0",
        "parameters": [{"type": "text", "text": "123456"}],
    }


def test_a_coupon_is_a_copy_code_button() -> None:
    coupon = Template("sale", buttons=[CopyCode("DIWALI", index=2)], category="marketing")
    assert components(coupon)[0] == {
        "type": "button",
        "sub_type": "copy_code",
        "index": "2",
        "parameters": [{"type": "coupon_code", "coupon_code": "DIWALI"}],
    }


def test_the_category_is_not_sent() -> None:
    assert Template("sale", category="marketing").wire() == Template("sale").wire()


def test_placeholders_are_found_in_header_body_and_buttons() -> None:
    message = Template("hi", header="Dear $name", body=["for $5", "$a and $b"], buttons=[UrlSuffix("$id", index=3)])
    assert list(message.placeholders()) == [
        ("header", "$name"),
        ("body[1]", "$a"),
        ("body[1]", "$b"),
        ("buttons[3]", "$id"),
    ]


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (deferred(Template, ""), "name: 1 to 60 of a-z, 0-9 and _ (this has 0 characters)"),
        (deferred(Template, "x" * 61), "name: 1 to 60 of a-z, 0-9 and _ (this has 61 characters)"),
        (deferred(Template, "Order"), "name: 1 to 60 of a-z, 0-9 and _ (this has 5 characters)"),
        (deferred(Template, "a\n"), "name: 1 to 60 of a-z, 0-9 and _ (this has 2 characters)"),
        (
            deferred(Template, "a", {"code": "en"}),
            "language: must be a plain code such as en or en_US (this is of type dict)",
        ),
        (deferred(Template, "a", "en-US"), "language: must be a plain code such as en or en_US"),
        (deferred(Template, "a", body="123456"), "body: must be a list (this is of type str)"),
        (deferred(Template, "a", body=["a"] * 11), "body: at most 10 (this has 11)"),
        (deferred(Template, "a", body=["a", ""]), "body[1]: must not be blank"),
        (deferred(Template, "a", body=["x" * 1_025]), "body[0]: at most 1,024 characters (this has 1,025)"),
        (
            deferred(Template, "a", body=["a\nb"]),
            "body[0]: has line breaks, tabs or other control characters; write it on one line (this has 1)",
        ),
        (deferred(Template, "a", body=["a     b"]), "body[0]: at most 4 spaces in a row"),
        (deferred(Template, "a", body=[5]), "body[0]: must be a valid string (this is of type int)"),
        (
            deferred(Template, "a", header="a*"),
            "header: has an asterisk, which Chat Mitra refuses; remove it (this has 1)",
        ),
        (
            deferred(Template, "a", header=Audio("https://example.com/a.mp3")),
            "header: must be a text, an Image, a Video or a Document (this is of type Audio)",
        ),
        (
            deferred(Template, "a", header=Document("https://example.com/a.pdf", caption="a")),
            "header.caption: a header has no caption; move it to the body",
        ),
        (
            deferred(Template, "a", buttons=["x"]),
            "buttons[0]: must be a UrlSuffix, a QuickReply or a CopyCode (this is of type str)",
        ),
        (
            deferred(Template, "a", buttons=[UrlSuffix("a"), UrlSuffix("b", index=0)]),
            "buttons.index: must not occur twice",
        ),
        (deferred(Template, "a", buttons=[UrlSuffix("a")] * 11), "buttons: at most 10 (this has 11)"),
        (deferred(UrlSuffix, "a b"), "text: must have no space and no #, because it becomes the end of a link"),
        (deferred(UrlSuffix, "a#b"), "text: must have no space and no #, because it becomes the end of a link"),
        (deferred(UrlSuffix, "a", index=10), "index: must be less than 10"),
        (deferred(QuickReply, "x" * 257), "payload: 1 to 256 characters (this has 257)"),
        (deferred(CopyCode, "x" * 16), "code: 1 to 15 characters (this has 16)"),
        (
            deferred(Template, "a", category="reply"),
            "category: must be 'authentication', 'utility' or 'marketing'",
        ),
    ],
)
def test_an_invalid_template_cannot_be_built(build: Callable[[], object], complaint: str) -> None:
    with pytest.raises(Invalid) as error:
        build()
    assert str(error.value) == complaint
