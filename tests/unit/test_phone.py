"""Phone numbers as people write them are normalized to E.164 digits, or refused with a reason."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harkara.errors import Invalid
from harkara.people.names import normalize_stored
from harkara.phone import E164, normalize, parse_digits

MOBILE = "919876543210"


@pytest.mark.parametrize(
    ("written", "expected"),
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
def test_examples_of_the_documentation_give_the_documented_numbers(written: str, expected: str) -> None:
    assert normalize(written) == expected


@pytest.mark.parametrize("old", ["553188888888", "+55 31 8888-8888", "5215512345678", "+541123456789", "22997123456"])
def test_a_number_in_a_spelling_of_whatsapp_is_accepted_as_it_is(old: str) -> None:
    assert normalize(old) == "".join(mark for mark in old if mark.isdecimal())


def test_an_indian_number_with_a_digit_too_few_is_refused() -> None:
    with pytest.raises(Invalid, match="is too short for country code 91"):
        normalize("091999999999")


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
def test_all_spellings_of_a_mobile_number_give_the_same_digits(written: str) -> None:
    assert normalize(written) == MOBILE


@pytest.mark.parametrize("bare", ["9123456789", "9118001234", "9199999999", "9607123456"])
def test_an_indian_mobile_that_begins_with_91_gets_its_country_code(bare: str) -> None:
    assert normalize(bare) == "91" + bare


def test_a_landline_number_is_accepted() -> None:
    assert normalize("080-2657 2626") == "918026572626"


def test_the_region_completes_a_number_without_a_country_code() -> None:
    assert normalize("8123 4567", "SG") == "6581234567"
    assert normalize("020 7946 0958", "gb") == "442079460958"


def test_a_plus_resolves_ambiguous_digits() -> None:
    assert normalize("6581123456") == "916581123456"
    assert normalize("+6581123456") == "6581123456"


def test_ambiguous_digits_of_a_source_with_country_codes_are_refused() -> None:
    with pytest.raises(Invalid, match="can be read as two numbers; write it with"):
        normalize("6581123456", with_country_code=True)
    assert normalize(MOBILE, with_country_code=True) == MOBILE
    assert normalize("9876543210", with_country_code=True) == MOBILE


def test_a_normalized_number_is_returned_unchanged() -> None:
    singapore = normalize("+6581123456")
    assert normalize(singapore) is singapore
    assert isinstance(singapore, E164)


@pytest.mark.parametrize("digits", ["6581123456", "6421123456", "9607771234", "6797012345", "919999900000"])
def test_digits_of_the_ledger_have_their_country_code(digits: str) -> None:
    assert normalize_stored(digits) == digits


@pytest.mark.parametrize(
    ("written", "message"),
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
def test_an_error_states_the_rule_and_the_measure(written: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        normalize(written)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "cell", ["9.19877E+11", "9,19877e+11", "9E11", "919876543210.0", "9876543210.00", "9876543210,0"]
)
def test_a_number_that_a_spreadsheet_changed_is_refused(cell: str) -> None:
    with pytest.raises(Invalid, match="changed by a spreadsheet; format the column as text"):
        normalize(cell)


@pytest.mark.parametrize("value", [None, 919876543210, 9.19e11, b"919876543210", ["919876543210"]])
def test_a_number_must_be_text(value: object) -> None:
    with pytest.raises(Invalid, match="must be text"):
        normalize(value)  # type: ignore[arg-type]  # that is the test


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(Invalid, match="region: must be the two letters of a country"):
        normalize("9876543210", "India")


def test_without_strict_a_possible_length_is_enough() -> None:
    unassigned = "915000000000"
    with pytest.raises(Invalid, match="is not a valid number for country code 91"):
        normalize(unassigned)
    assert normalize(unassigned, strict=False) == unassigned
    with pytest.raises(Invalid, match="is too short"):
        normalize("+9111345678", strict=False)


@given(st.from_regex(r"[6-9][0-9]{9}", fullmatch=True), st.booleans())
def test_the_fast_path_agrees_with_the_parser(national: str, strict: bool) -> None:
    spaced = f"{national[:5]} {national[5:]}"
    for clean, written in [(national, spaced), ("91" + national, "91 " + spaced), ("+91" + national, "+91 " + spaced)]:
        assert outcome(clean, "IN", strict) == outcome(written, "IN", strict) == by_plan(clean, "IN", strict)


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.data())
@settings(max_examples=300)
def test_the_fast_path_agrees_in_every_region(region: str, data: st.DataObject) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return
    national = phonenumbers.national_significant_number(example)
    length = data.draw(st.integers(1, len(national)))
    national = national[:length] + data.draw(
        st.from_regex(rf"[0-9]{{{len(national) - length}}}", fullmatch=True), label="new end"
    )
    for clean in (national, f"{example.country_code}{national}", f"+{example.country_code}{national}"):
        planned = (
            f"+{clean[2:]}" if clean.startswith("00") else clean
        )  # some regions have mobile numbers that begin with 0
        assert outcome(clean, region) == outcome(f" {clean}", region) == by_plan(planned, region)


@given(st.from_regex(r"[1-9][0-9]{9,14}", fullmatch=True))
def test_an_accepted_number_is_valid_and_normalizes_to_itself(digits: str) -> None:
    accepted = outcome(digits, "IN")
    if accepted.isdecimal():
        assert phonenumbers.is_valid_number(phonenumbers.parse("+" + accepted))
        assert normalize("+" + accepted) == accepted


@given(st.text(st.sampled_from("0123456789 +-().x/९١\u202a"), max_size=24))
def test_an_error_never_quotes_the_number(written: str) -> None:
    answer = outcome(written, "IN")
    assert answer.isdecimal() or len(written.strip()) < 5 or written.strip() not in answer


def outcome(number: str, region: str, strict: bool = True) -> str:
    """The digits, or the error as text."""
    try:
        return normalize(number, region, strict=strict)
    except Invalid as caught:
        return str(caught)


def by_plan(clean: str, region: str, strict: bool = True) -> str:
    """The same by the parser of the library alone."""
    try:
        return parse_digits(clean, region, strict, with_country_code=False)
    except Invalid as caught:
        return str(caught)
