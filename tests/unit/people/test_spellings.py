"""One number has several spellings in some countries, and any of them gives all others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.people.spellings import canonical, spellings


@pytest.mark.parametrize(
    "numbers",
    [
        ("5531988888888", "553188888888"),
        ("5511961234567", "551161234567"),
        ("525512345678", "5215512345678"),
        ("5491123456789", "541123456789", "54111523456789"),
        ("5492234123456", "542234123456", "54223154123456"),
        ("2290197123456", "22997123456"),
    ],
)
def test_every_spelling_of_a_number_gives_all_of_them_the_canonical_one_first(numbers: tuple[str, ...]) -> None:
    assert {spellings(number) for number in numbers} == {numbers}
    assert {canonical(number) for number in numbers} == {numbers[0]}


@pytest.mark.parametrize(
    "name",
    [
        "553133333333",  # a landline of Brazil, which never had a ninth digit
        "5531933333333",  # dropping its 9 would give a landline of another person
        "5211234567890",  # no number of Mexico begins with 1
        "919876543210",
        "15512345678",
        "US.13491208655302741918",
        "55",
        "",
    ],
)
def test_any_other_name_is_its_only_spelling(name: str) -> None:
    assert spellings(name) == (name,)


@given(st.from_regex(r"(52|521|54|549|55|229|22901)[0-9]{7,12}", fullmatch=True))
def test_spellings_are_an_equivalence(number: str) -> None:
    found = spellings(number)
    assert number in found
    assert {spellings(other) for other in found} == {found}
