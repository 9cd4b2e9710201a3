"""Validation of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.errors import Invalid
from harkara.messages.text_rules import PrintableRule, TextRule, validate_parameter
from tests.unit.cpu_time import quickest

MESSAGE = TextRule(4_096, lines=True)
TITLE = TextRule(20)


def error_of(value: str, rule: TextRule = MESSAGE) -> str | None:
    try:
        assert rule(value) == value
    except Invalid as error:
        return f"{error.rule} ({error.measure})" if error.measure else error.rule
    return None


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "Hello! Your order #12345 is ready for pickup 📦",
        "x" * 4_096,
        "first\r\nsecond\tline",
        "snake_case ~500 - 5 < 6, I <3 you",
        "a < b and b > c",
        "mail <asha@example.com>",
        "<Order> <3 </3",
        "now <![50% off]!> <![if we may]",
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
def test_a_text_that_chat_mitra_accepts_is_valid(text: str) -> None:
    assert MESSAGE(text) == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x" * 5_000, "at most 4,096 characters (this has 5,000)"),
        ("", "must not be blank"),
        (" \n\t", "must not be blank"),
        ("\u200b\u2060", "must not be blank"),
        ("a *bold* word", "has an asterisk, which Chat Mitra refuses; remove it (this has 2)"),
        ("*", "has an asterisk, which Chat Mitra refuses; remove it (this has 1)"),
        ("see https://example.com/#top", "has a link with a # part; remove the # and the text after it"),
        ("see (www.example.com/a#b)", "has a link with a # part; remove the # and the text after it"),
        ("see example.com/a#b", "has a link with a # part; remove the # and the text after it"),
        ("<b>bold</b>", "has HTML; write plain text (this has <b>)"),
        ("one<br/>two", "has HTML; write plain text (this has <br>)"),
        ("one</P>", "has HTML; write plain text (this has <p>)"),
        ("<script>alert(1)</script>", "has HTML; write plain text (this has <script>)"),
        ("<a href='https://example.com'>here</a>", "has HTML; write plain text (this has <a>)"),
        ("<![1] <b>bold</b>", "has HTML; write plain text (this has <b>)"),
        ("<!-- note -->", "has HTML; write plain text (this has <!…>)"),
        ("a\x00b\x1b", "has control characters; remove them (this has 2)"),
        ("a\x85b", "has control characters; remove them (this has 1)"),
        ("a\ud800b", "is not in UTF-8; convert it (wrong characters: 1)"),
        ("नमस्ते Asha", "mixes Devanagari and Latin letters; write one script in each text"),
        ("pay: rzp.io/i/abc नमस्ते", "mixes Devanagari and Latin letters; write one script in each text"),
        ("😀", "must have words beside the emoji"),
        ("😀 🇮🇳\n1️⃣", "must have words beside the emoji"),
        ("©️", "must have words beside the emoji"),
    ],
)
def test_a_text_that_chat_mitra_refuses_is_refused_with_rule_and_measure(text: str, complaint: str) -> None:
    assert error_of(text) == complaint


@pytest.mark.parametrize("emoji", ["😀", "👨‍👩‍👧‍👦", "🇮🇳", "1️⃣", "👍🏽", "❤️", "©️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
def test_an_emoji_counts_as_one_however_many_characters_it_has(emoji: str) -> None:
    assert error_of("x" + emoji * 10) is None
    assert error_of("x" + emoji * 11) == "at most 10 emoji (this has 11)"


@pytest.mark.parametrize("sign", ["©", "™", "®", "❤", "⌚\ufe0e"])
def test_a_symbol_in_text_style_is_not_an_emoji(sign: str) -> None:
    assert error_of(sign * 11) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x" * 21, "at most 20 characters (this has 21)"),
        ("a\nb", "has line breaks, tabs or other control characters; write it on one line (this has 1)"),
        ("a\tb\r", "has line breaks, tabs or other control characters; write it on one line (this has 2)"),
        ("a\u2028b", "has line breaks, tabs or other control characters; write it on one line (this has 1)"),
        ("*", "has an asterisk, which Chat Mitra refuses; remove it (this has 1)"),
        ("👍" * 11, "at most 10 emoji (this has 11)"),
        (" ", "must not be blank"),
    ],
)
def test_a_part_of_a_message_has_one_line(text: str, complaint: str) -> None:
    assert error_of(text, TITLE) == complaint


def test_a_part_of_a_message_may_be_emoji_alone() -> None:
    assert TITLE("👍") == "👍"


def test_a_parameter_has_at_most_four_spaces_in_a_row() -> None:
    assert validate_parameter("a    b") == "a    b"
    with pytest.raises(Invalid, match="at most 4 spaces in a row"):
        validate_parameter("a     b")
    with pytest.raises(Invalid, match=r"at most 1,024 characters \(this has 1,025\)"):
        validate_parameter("x" * 1_025)


@pytest.mark.parametrize("value", ["", "x" * 16, " a", "a\n", "a*", "\ud800"])
def test_an_id_is_printable_and_has_a_maximum_length(value: str) -> None:
    with pytest.raises(Invalid):
        PrintableRule(15)(value)


@given(st.text(st.characters(codec="ascii"), max_size=60).filter(str.strip), st.booleans())
def test_the_fast_check_of_ascii_agrees_with_the_full_check(text: str, lines: bool) -> None:
    rule = TextRule(100, lines=lines)
    assert (error_of(text, rule) is None) == (error_of(text + " é", rule) is None)


@given(st.text(max_size=60) | st.text(st.sampled_from("<>/![]-ab*#.:@$ {}न😀\ufe0f\u200d1\u20e3"), max_size=60))
def test_any_text_passes_unchanged_or_is_refused_without_being_repeated(text: str) -> None:
    complaint = error_of(text)
    if complaint is None:
        assert "*" not in text
    else:
        assert len(text) < 5 or text not in complaint


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<!", "</", "{{", "a@", "a.", "www.", "a://", "#a.", "<a b='", "न@", "😀"]
)
def test_a_hostile_text_is_validated_in_half_a_second(piece: str) -> None:
    text = (piece * 4_096)[:4_094] + "न"
    assert quickest(lambda: error_of(text), enough=0.5) < 0.5
