"""Phone numbers as people write them."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harkara.errors import Invalid
from harkara.phone import E164, normalise

MOBILE = "919876543210"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("919999999999", "919999999999"),
        ("12025550123", "12025550123"),
        ("447911123456", "447911123456"),
        ("+91 9999-9999-99", "919999999999"),
        ("09999999999", "919999999999"),
        ("9999999999", "919999999999"),
        ("+91 9999999999", "919999999999"),
        ("91-9999-9999-99", "919999999999"),
    ],
)
def test_the_examples_of_the_documentation_become_what_it_says(written: str, meant: str) -> None:
    assert normalise(written) == meant


def test_the_documentations_number_with_a_leading_zero_and_a_digit_too_few_is_refused() -> None:
    with pytest.raises(Invalid, match="is too short for country code 91"):
        normalise("091999999999")


@pytest.mark.parametrize(
    "written",
    [
        "9876543210",
        "+919876543210",
        "00919876543210",
        "0919876543210",
        "(+91) 98765.43210",
        "+91 (0) 98765 43210",
        "\u202a+91\u00a098765\u201143210\u202c",
        "९१९८७६५४३२१०",
        " 98765 43210\n",
    ],
)
def test_one_mobile_has_many_spellings(written: str) -> None:
    assert normalise(written) == MOBILE


@pytest.mark.parametrize("bare", ["9123456789", "9118001234", "9199999999", "9607123456"])
def test_a_bare_indian_mobile_gets_its_code_even_if_it_begins_like_one(bare: str) -> None:
    assert normalise(bare) == "91" + bare


def test_a_landline_is_a_number_too() -> None:
    assert normalise("080-2657 2626") == "918026572626"


def test_the_region_decides_what_a_bare_number_means() -> None:
    assert normalise("8123 4567", "SG") == "6581234567"
    assert normalise("020 7946 0958", "gb") == "442079460958"


def test_a_plus_settles_what_digits_alone_leave_open() -> None:
    assert normalise("6581123456") == "916581123456"
    assert normalise("+6581123456") == "6581123456"


def test_digits_that_promise_a_code_are_refused_when_they_can_be_read_without_it() -> None:
    with pytest.raises(Invalid, match="can be read as two numbers; write it with"):
        normalise("6581123456", coded=True)
    assert normalise(MOBILE, coded=True) == MOBILE
    assert normalise("9876543210", coded=True) == MOBILE


def test_what_was_normalised_stays_as_it_is() -> None:
    singapore = normalise("+6581123456")
    assert normalise(singapore) is singapore
    assert isinstance(singapore, E164)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("", "to: must not be empty"),
        (" - ", "to: must not be empty"),
        ("+", "to: must not be empty"),
        ("98765", "to: is too short: at least 10 digits with the country code (this has 5)"),
        ("+290 22158", "to: is too short: at least 10 digits with the country code (this has 8)"),
        ("98765O3210", "to: must have no letters (this has 1)"),
        ("98765 43210 / 98765 43211", "to: may have only digits, spaces, dashes, dots, parentheses and one + in front"),
        ("91+9876543210", "to: may have only digits, spaces, dashes, dots, parentheses and one + in front"),
        ("+9999999999", "to: begins with no country code that exists"),
        ("000000000000", "to: begins with no country code that exists"),
        ("+9198765432", "to: is too short for country code 91 (8 digits follow it)"),
        ("+91987654321012", "to: is too long for country code 91 (12 digits follow it)"),
        ("5000000000", "to: is not a valid number for country code 91 (10 digits follow it)"),
        ("9" * 16, "to: is too long: at most 15 digits with the country code (this has 16)"),
        ("9" * 65, "to: must be one phone number of at most 15 digits (this has 65 characters)"),
    ],
)
def test_a_refusal_says_what_is_wrong(written: str, complaint: str) -> None:
    with pytest.raises(Invalid) as refusal:
        normalise(written)
    assert str(refusal.value) == complaint


@pytest.mark.parametrize(
    "cell", ["9.19877E+11", "9,19877e+11", "9E11", "919876543210.0", "9876543210.00", "9876543210,0"]
)
def test_what_a_spreadsheet_did_is_recognised(cell: str) -> None:
    with pytest.raises(Invalid, match="changed by a spreadsheet; format the column as text"):
        normalise(cell)


@pytest.mark.parametrize("value", [None, 919876543210, 9.19e11, b"919876543210", ["919876543210"]])
def test_only_text_is_a_number(value: object) -> None:
    with pytest.raises(Invalid, match="must be text"):
        normalise(value)  # type: ignore[arg-type]  # that is the test


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(Invalid, match="region: must be the two letters of a country"):
        normalise("9876543210", "India")


def test_a_possible_length_is_enough_when_asked_for() -> None:
    not_given_out = "915000000000"
    with pytest.raises(Invalid, match="is not a valid number for country code 91"):
        normalise(not_given_out)
    assert normalise(not_given_out, strict=False) == not_given_out
    with pytest.raises(Invalid, match="is too short"):
        normalise("+9111345678", strict=False)


@given(st.from_regex(r"[6-9][0-9]{9}", fullmatch=True), st.booleans())
@settings(deadline=None)
def test_the_fast_path_answers_as_the_slow_one(national: str, strict: bool) -> None:
    spaced = f"{national[:5]} {national[5:]}"
    for clean, slow in [(national, spaced), ("91" + national, "91 " + spaced), ("+91" + national, "+91 " + spaced)]:
        assert outcome(clean, "IN", strict) == outcome(slow, "IN", strict)


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.data())
@settings(deadline=None, max_examples=300)
def test_the_fast_path_agrees_in_every_region(region: str, data: st.DataObject) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return
    national = phonenumbers.national_significant_number(example)
    kept = data.draw(st.integers(1, len(national)))
    national = national[:kept] + data.draw(
        st.from_regex(rf"[0-9]{{{len(national) - kept}}}", fullmatch=True), label="new end"
    )
    for clean in (national, f"{example.country_code}{national}", f"+{example.country_code}{national}"):
        assert outcome(clean, region) == outcome(f" {clean}", region)


@given(st.from_regex(r"[1-9][0-9]{9,14}", fullmatch=True))
@settings(deadline=None)
def test_a_number_that_is_taken_is_valid_and_survives_a_second_reading(digits: str) -> None:
    taken = outcome(digits, "IN")
    if taken.isdecimal():
        assert phonenumbers.is_valid_number(phonenumbers.parse("+" + taken))
        assert normalise("+" + taken) == taken


@given(st.text(st.sampled_from("0123456789 +-().x/९١\u202a"), max_size=24))
@settings(deadline=None)
def test_no_refusal_repeats_the_number(written: str) -> None:
    answer = outcome(written, "IN")
    assert answer.isdecimal() or len(written.strip()) < 5 or written.strip() not in answer


def outcome(number: str, region: str, strict: bool = True) -> str:
    try:
        return normalise(number, region, strict=strict)
    except Invalid as refusal:
        return str(refusal)
