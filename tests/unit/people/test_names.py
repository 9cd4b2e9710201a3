"""A person's name is a user id or a number, in any way in which an operator may write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.errors import Invalid
from harkara.people.names import LONGEST_NAME, group_names, is_user_id, parse_name, possible_names

USER_ID = "US.13491208655302741918"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("98765 43210", "919876543210"),
        ("+91 98765 43210", "919876543210"),
        ("553188888888", "553188888888"),
        ("+55 31 8888-8888", "553188888888"),
        ("+5215512345678", "5215512345678"),
        (f" {USER_ID} ", USER_ID),
        ("IN.ENT.11815799212886844830", "IN.ENT.11815799212886844830"),
    ],
)
def test_a_name_is_parsed(text: str, name: str) -> None:
    assert parse_name(text) == name


@pytest.mark.parametrize("text", ["12", "99999999999", "asha", "us.134", "USA.134", "US.", "US.1-2", "@asha"])
def test_what_is_no_name_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_name(text)
    assert raised.value.field == "to"
    assert text not in str(raised.value)


def test_a_text_may_mean_several_names_the_likeliest_first() -> None:
    assert possible_names("6590123456") == ("916590123456", "6590123456")
    assert possible_names("+99 999 999 999") == ("99999999999",)
    assert possible_names("asha") == ()


def test_the_longest_user_id_fits() -> None:
    assert is_user_id(longest := "US.ENT." + "9" * 128)
    assert len(longest) == LONGEST_NAME
    assert not is_user_id(longest + "9")


@given(st.lists(st.sets(st.integers(0, 9).map(str), min_size=1)))
def test_groups_are_disjoint_and_each_link_is_within_one(links: list[set[str]]) -> None:
    groups = group_names(links)
    names = [name for group in groups for name in group]
    assert len(names) == len(set(names))
    assert all(sum(link <= group for group in groups) == 1 for link in links)
    assert set(names) == set().union(*links)


@given(st.lists(st.sets(st.integers(0, 9).map(str), min_size=1)), st.randoms())
def test_groups_do_not_depend_on_the_order_of_links(links: list[set[str]], random: object) -> None:
    shuffled = list(links)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert {frozenset(group) for group in group_names(links)} == {frozenset(group) for group in group_names(shuffled)}
