"""No generated card, Aadhaar, PAN, code or address leaves, whatever stands around it and between its digits."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stdnum import luhn, verhoeff
from stdnum.in_ import aadhaar

from harkara.assistant.privacy import PLACEHOLDER, redact
from harkara.assistant.privacy.skeleton import read_skeleton
from tests.unit.cpu_time import quickest

SEPARATORS = st.sampled_from(
    ["", " ", "-", "  ", " - ", ".", "_", "/", "*", "·", "\u2013", "\u00a0", "\u200b", "\u2060", "\n", "|", ", "]
)
SCRIPTS = st.sampled_from(
    [
        "0123456789",
        "०१२३४५६७८९",
        "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19",
        "⓪①②③④⑤⑥⑦⑧⑨",
        "⓿❶❷❸❹❺❻❼❽❾",
        "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
        "௦௧௨௩௪௫௬௭௮௯",
    ]
)
WORDS = st.lists(
    st.sampled_from(
        "mera card hai please check order 4512 ka ₹1,499 refund 12/01/2026 at 5:30 do, भाई नंबर यह है! ok? 👍".split()
    ),
    max_size=6,
).map(" ".join)
PREFIXES = st.sampled_from(["4", "51", "55", "2221", "34", "37", "36", "6011", "65", "60", "81", "508"])


@st.composite
def cards(draw: st.DrawFn) -> str:
    prefix, length = draw(PREFIXES), draw(st.integers(13, 19))
    rest = length - len(prefix) - 1
    body = prefix + draw(st.text("0123456789", min_size=rest, max_size=rest))
    return body + luhn.calc_check_digit(body)


@st.composite
def aadhaars(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from("23456789")) + draw(st.text("0123456789", min_size=10, max_size=10))
    return body + verhoeff.calc_check_digit(body)


@st.composite
def in_surroundings(draw: st.DrawFn, digits: st.SearchStrategy[str], group: int = 4) -> tuple[str, str]:
    """A number with separators between its groups, and a text around it."""
    number = draw(digits)
    groups = [number[at : at + group] for at in range(0, len(number), group)]
    written = draw(SEPARATORS).join(groups).translate(str.maketrans("0123456789", draw(SCRIPTS)))
    return number, f"{draw(WORDS)} {written} {draw(WORDS)}"


def digits_left(text: str) -> str:
    return "".join(each for each in read_skeleton(text).numeric if each.isdigit())


@given(in_surroundings(cards()))
@settings(max_examples=300)
def test_no_card_leaves(case: tuple[str, str]) -> None:
    number, said = case
    redaction = redact([said])
    assert number not in digits_left(redaction.text)
    assert PLACEHOLDER.search(redaction.text)
    assert redaction.restore(redaction.text) == said


@given(in_surroundings(aadhaars().filter(aadhaar.is_valid)))
@settings(max_examples=200)
def test_no_aadhaar_leaves(case: tuple[str, str]) -> None:
    number, said = case
    redaction = redact([said])
    assert number not in digits_left(redaction.text)
    assert redaction.restore(redaction.text) == said


@given(in_surroundings(st.from_regex(r"[6-9][0-9]{9}", fullmatch=True), group=5))
@settings(max_examples=200)
def test_no_mobile_number_leaves(case: tuple[str, str]) -> None:
    number, said = case
    text = said.replace("order", "")  # a number after this word is that of an order
    assert number not in digits_left(redact([text]).text)


@given(
    WORDS,
    WORDS,
    st.one_of(
        st.from_regex(r"[A-Z]{3}[ABCFGHLJPTK][A-Z][0-9]{4}[A-Z]", fullmatch=True),
        st.from_regex(r"[0-3][0-9][A-Z]{3}[ABCFGHLJPTK][A-Z][0-9]{4}[A-Z][1-9]Z[0-9A-Z]", fullmatch=True),
        st.from_regex(r"[A-Z]{4}0[A-Z0-9]{6}", fullmatch=True),
        st.from_regex(r"[a-z][a-z0-9.]{2,20}[a-z]@(?:okhdfcbank|ybl|paytm|gmail\.com|example\.co\.in)", fullmatch=True),
    ),
    st.booleans(),
)
@settings(max_examples=300)
def test_nothing_with_a_form_of_its_own_leaves(before: str, after: str, value: str, lower: bool) -> None:
    value = value.lower() if lower else value
    redaction = redact([f"{before} {value} {after}"])
    assert value not in redaction.text
    assert redaction.restore(redaction.text) == f"{before} {value} {after}"


@given(
    st.sampled_from(
        ["otp", "OTP is", "ओटीपी", "mera pin", "password:", "cvv", "upi pin hai", "पासवर्ड", "verification code"]
    ),
    st.from_regex(r"[0-9]{3,8}", fullmatch=True),
    st.sampled_from(["", " hai", " ok?", "\nplease check", " है"]),
    SCRIPTS,
)
@settings(max_examples=200)
def test_no_code_leaves(words: str, code: str, after: str, digits: str) -> None:
    written = code.translate(str.maketrans("0123456789", digits))
    assert code not in digits_left(redact([f"{words} {written}{after}"]).text)


@given(cards(), st.lists(st.integers(1, 12), max_size=3))
@settings(max_examples=200)
def test_no_card_leaves_in_parts(card: str, cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(card)]
    redaction = redact(["my card", *(card[start:end] for start, end in pairwise(places)), "ok"])
    assert card not in digits_left("".join(PLACEHOLDER.sub("", text) for text in redaction.texts))


@given(st.lists(st.text(max_size=80), max_size=4))
@settings(max_examples=300)
def test_what_is_restored_is_what_was_written(said: list[str]) -> None:
    redaction = redact(said)
    assert redaction.restore(redaction.text) == "\n".join(said)


@pytest.mark.parametrize(
    "part",
    [
        "1 ",
        "4-",
        "a",
        "@",
        "a@",
        "a.b",
        "otp ",
        "password is ",
        "passport ",
        "dob 12 ",
        " ",
        "4111111111111111 ",
        "x at y dot ",
        "one a ",
    ],
)
def test_the_time_grows_with_the_length(part: str) -> None:
    def seconds(length: int, enough: float) -> float:
        text = (part * length)[:length]
        return quickest(lambda: redact([text]), enough=enough)

    most = 20 * seconds(1_000, enough=0.0) + 0.05
    assert seconds(8_000, enough=most) < most


IN_WORDS = dict(
    zip(
        "0123456789",
        (
            ("zero", "शून्य"),
            ("one", "ek", "एक"),
            ("two", "do", "दो"),
            ("three", "teen", "तीन"),
            ("four", "char", "चार"),
            ("five", "paanch", "पाँच"),
            ("six", "chhe", "छह"),
            ("seven", "saat", "सात"),
            ("eight", "aath", "आठ"),
            ("nine", "nau", "नौ"),
        ),
        strict=True,
    )
)


@st.composite
def spoken_cards(draw: st.DrawFn) -> str:
    """A card whose digits are words, and some of them digits."""
    digits = draw(cards())
    spoken = [
        draw(st.sampled_from((*IN_WORDS[digit], digit) if at % 4 == 3 else IN_WORDS[digit]))
        for at, digit in enumerate(digits)
    ]
    return draw(st.sampled_from([" ", ", ", "-", "\n"])).join(spoken)


@given(spoken_cards(), WORDS, WORDS)
@settings(max_examples=60)
def test_no_card_in_words_leaves(spoken: str, before: str, after: str) -> None:
    said = f"{before} . {spoken} . {after}"
    redaction = redact([said])
    assert PLACEHOLDER.search(redaction.text)  # with the words after it, it may be another number, too
    assert spoken not in redaction.text
    assert redaction.restore(redaction.text) == said


@st.composite
def identifiers(draw: st.DrawFn) -> str:
    """A PAN, GSTIN or IFSC, spelled one character after the other, with some of the digits as words."""
    value = draw(
        st.one_of(
            st.from_regex(r"[A-Z]{3}[ABCFGHLJPTK][A-Z][0-9]{4}[B-H]", fullmatch=True),
            st.from_regex(r"[0-3][0-9][A-Z]{3}[ABCFGHLJPTK][A-Z][0-9]{4}[A-Z][1-9]Z[0-9A-Z]", fullmatch=True),
            st.from_regex(r"[A-Z]{4}0[0-9]{6}", fullmatch=True),
        )
    )
    separator = draw(st.sampled_from([" ", "-", "  "]))
    words = draw(st.booleans())
    said = [IN_WORDS[each] if words and each.isdigit() else each for each in value]
    return separator.join(each if isinstance(each, str) else draw(st.sampled_from(each)) for each in said)


@example("A A A A A do do zero zero B", False)
@example("A-A-A-A-A-do-do-do-do-B", True)
@given(identifiers(), st.booleans())
@settings(max_examples=100)
def test_no_identifier_that_is_spelled_leaves(spelled: str, lower: bool) -> None:
    said = f"it is {spelled.lower() if lower else spelled} ok?"
    redaction = redact([said])
    assert redaction.restore(redaction.text) == said
    assert PLACEHOLDER.sub("", redaction.text) == "it is  ok?"
