"""What a text may be made of."""

from __future__ import annotations

import pytest

from tests.integration.sandbox.process import Sandbox

INVALID = "Text contains invalid characters"
FAMILY = "👨‍👩‍👧‍👦"


@pytest.mark.parametrize(
    "text",
    [
        "Hello! Your order #12345 is ready for pickup 📦",
        "a" * 4_096,
        "# 1 in town",
        "Pay _now_ or ~never~, ₹1,299 - thanks\nsee https://example.com/a?b=c",
        "mail <asha@example.com>, <Order>, a < b, <3",
        "आपका ऑर्डर तैयार है, देखें https://example.com/track",
        "आपका कोड 481516 है, लिखें asha@example.com",
        "നിങ്ങളുടെ booking ready",
        "ok " + FAMILY * 10,
        "ok " + "🇮🇳" * 5 + "1️⃣" * 5,
        "© ™ are letters" + "📦" * 10,
        "📦 1",
    ],
)
def test_a_plain_text_is_accepted(sandbox: Sandbox, text: str) -> None:
    assert sandbox.send(message=text).status_code == 202
    assert sandbox.send_raw("text", {"body": text}).status_code == 202


@pytest.mark.parametrize(
    "text",
    [
        "*bold*",
        "a lone * is enough",
        "https://example.com/page#part",
        "see www.example.com/#top",
        "<b>bold</b>",
        "line<br/>",
        "<script>alert(1)</script>",
        '<a href="https://example.com">link</a>',
        "<!-- hidden -->",
        "```code```",
        "[link](https://example.com)",
    ],
)
def test_markup_and_fragments_are_invalid_characters(sandbox: Sandbox, text: str) -> None:
    for response in (sandbox.send(message=text), sandbox.send_raw("text", {"body": text})):
        assert (response.status_code, response.json()["message"]) == (400, INVALID)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a" * 4_097, "message: must have at most 4096 characters, has 4097"),
        ("", "message: must not be empty"),
        (" \n ", "message: must not be empty"),
        (5, "message: must be a string"),
        (None, "message: must be a string"),
        ("ok " + "📦" * 11, "message: must have at most 10 emoji, has 11"),
        ("ok " + FAMILY * 11, "message: must have at most 10 emoji, has 11"),
        ("ok " + "🇮🇳" * 11, "message: must have at most 10 emoji, has 11"),
        ("📦", "message: must not consist of emoji alone"),
        (f"{FAMILY} 👍🏽 ❤️\n", "message: must not consist of emoji alone"),
        ("नमस्ते Asha", "message: must not mix Devanagari and Latin letters"),
    ],
)
def test_a_broken_text_rule_is_named_with_its_measure(sandbox: Sandbox, text: object, message: str) -> None:
    response = sandbox.send(message=text)

    assert (response.status_code, response.json()["message"]) == (400, message)
