"""The rules for a text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harkara.errors import Invalid
from harkara.messages.text_rules import PrintableRule, TextRule, validate_parameter

MESSAGE = TextRule(4_096, lines=True)
TITLE = TextRule(20)


def fault(value: str, rule: TextRule = MESSAGE) -> str | None:
    try:
        assert rule(value) == value
    except Invalid as refusal:
        return f"{refusal.rule} ({refusal.measure})" if refusal.measure else refusal.rule
    return None


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "Hello! Your order #12345 is ready for pickup 📦",
        "x" * 4_096,
        "first\r\nsecond\tline",
        "_really_ ~not~ - 5 < 6, I <3 you",
        "a < b and b > c",
        "mail <asha@example.com>",
        "<Order> <3 </3",
        "₹500 π ≠ ∞ AT&T &amp;",
        "https://example.com/a?b=c order #12",
        "#1 example.com",
        "नमस्ते आशा, 24 नवंबर को 10:30 बजे।",
        "भुगतान: https://rzp.io/i/abc",
        "भुगतान करें rzp.io/i/abc या www.example.com",
        "लिखें: asha@example.com, भेजें: shop@upi",
        "नमस्ते {{1}}, नमस्ते $nameजी",
        "നമസ്കാരം Asha",
    ],
)
def test_a_text_that_chat_mitra_takes_passes(text: str) -> None:
    assert MESSAGE(text) == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x" * 5_000, "at most 4,096 characters (this has 5,000)"),
        ("", "must not be blank"),
        (" \n\t", "must not be blank"),
        ("\u200b\u2060", "must not be blank"),
        ("a *bold* word", "no asterisk (this has 2)"),
        ("*", "no asterisk (this has 1)"),
        ("see https://example.com/#top", "no link with a # part"),
        ("see (www.example.com/a#b)", "no link with a # part"),
        ("see example.com/a#b", "no link with a # part"),
        ("<b>bold</b>", "no HTML (this has <b>)"),
        ("one<br/>two", "no HTML (this has <br>)"),
        ("one</P>", "no HTML (this has <p>)"),
        ("<script>alert(1)</script>", "no HTML (this has <script>)"),
        ("<a href='https://example.com'>here</a>", "no HTML (this has <a>)"),
        ("<!-- note -->", "no HTML (this has <!…>)"),
        ("a\x00b\x1b", "no control characters (this has 2)"),
        ("a\x85b", "no control characters (this has 1)"),
        ("a\ud800b", "no control characters (this has 1)"),
        ("नमस्ते Asha", "no Devanagari and Latin letters in one text"),
        ("pay: rzp.io/i/abc नमस्ते", "no Devanagari and Latin letters in one text"),
        ("😀", "must have words beside the emoji"),
        ("😀 🇮🇳\n1️⃣", "must have words beside the emoji"),
        ("©️", "must have words beside the emoji"),
    ],
)
def test_a_text_that_chat_mitra_refuses_is_refused_with_rule_and_measure(text: str, complaint: str) -> None:
    assert fault(text) == complaint


@pytest.mark.parametrize("emoji", ["😀", "👨‍👩‍👧‍👦", "🇮🇳", "1️⃣", "👍🏽", "❤️", "©️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
def test_an_emoji_counts_as_one_however_many_characters_it_has(emoji: str) -> None:
    assert fault("x" + emoji * 10) is None
    assert fault("x" + emoji * 11) == "at most 10 emoji (this has 11)"


@pytest.mark.parametrize("sign", ["©", "™", "®", "❤", "⌚\ufe0e"])
def test_a_sign_in_text_style_is_no_emoji(sign: str) -> None:
    assert fault(sign * 11) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x" * 21, "at most 20 characters (this has 21)"),
        ("a\nb", "no line breaks, tabs or other control characters (this has 1)"),
        ("a\tb\r", "no line breaks, tabs or other control characters (this has 2)"),
        ("a\u2028b", "no line breaks, tabs or other control characters (this has 1)"),
        ("*", "no asterisk (this has 1)"),
        ("👍" * 11, "at most 10 emoji (this has 11)"),
        (" ", "must not be blank"),
    ],
)
def test_a_piece_of_a_message_has_one_line(text: str, complaint: str) -> None:
    assert fault(text, TITLE) == complaint


def test_a_piece_of_a_message_may_be_emoji_alone() -> None:
    assert TITLE("👍") == "👍"


def test_a_parameter_has_no_wide_gap() -> None:
    assert validate_parameter("a    b") == "a    b"
    with pytest.raises(Invalid, match="at most 4 spaces in a row"):
        validate_parameter("a     b")
    with pytest.raises(Invalid, match=r"at most 1,024 characters \(this has 1,025\)"):
        validate_parameter("x" * 1_025)


@pytest.mark.parametrize("value", ["", "x" * 16, " a", "a\n", "a*", "\ud800"])
def test_an_identifier_is_printable_and_bounded(value: str) -> None:
    with pytest.raises(Invalid):
        PrintableRule(15)(value)


@given(st.text(st.characters(codec="ascii"), max_size=60).filter(str.strip), st.booleans())
@settings(deadline=None)
def test_the_quick_look_at_ascii_agrees_with_the_full_examination(text: str, lines: bool) -> None:
    rule = TextRule(100, lines=lines)
    assert (fault(text, rule) is None) == (fault(text + " é", rule) is None)


@given(st.text(max_size=60) | st.text(st.sampled_from("<>/!-ab*#.:@$ {}न😀\ufe0f\u200d1\u20e3"), max_size=60))
@settings(deadline=None)
def test_any_text_passes_unchanged_or_is_refused_without_being_repeated(text: str) -> None:
    complaint = fault(text)
    if complaint is None:
        assert "*" not in text
    else:
        assert len(text) < 5 or text not in complaint


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<!", "</", "{{", "a@", "a.", "www.", "a://", "#a.", "<a b='", "न@", "😀"]
)
def test_a_hostile_text_is_examined_in_no_time(piece: str) -> None:
    text = (piece * 4_096)[:4_094] + "न"
    start = time.perf_counter()
    fault(text)
    assert time.perf_counter() - start < 0.5
