"""The mapping of parameters to columns and fixed texts."""

from __future__ import annotations

import pytest

from harkara.campaigns.columns import Column, FixedText, find_column, parse_mapping
from harkara.errors import Invalid


def test_an_equals_sign_maps_a_column_and_a_colon_before_it_a_fixed_text() -> None:
    assert parse_mapping(["to = Mobile", "doctor:= Dr Rao", "link:=https://a.example/?x=1"]) == {
        "to": Column("Mobile"),
        "doctor": FixedText("Dr Rao"),
        "link": FixedText("https://a.example/?x=1"),
    }


def test_an_unmapped_parameter_comes_from_the_column_with_its_name() -> None:
    assert parse_mapping(["date=Day"], ["doctor", "date"]) == {"doctor": Column("doctor"), "date": Column("Day")}


@pytest.mark.parametrize("text", ["", "doctor", "=Doctor", ":=Dr Rao", "doctor=", "doctor:= "])
def test_a_malformed_mapping_is_refused_with_the_valid_forms(text: str) -> None:
    with pytest.raises(Invalid, match="map: must be parameter=column, or parameter:=text"):
        parse_mapping([text])


def test_a_repeated_parameter_is_refused() -> None:
    with pytest.raises(Invalid, match="map doctor: must not occur twice"):
        parse_mapping(["doctor=Doctor", "doctor:=Dr Rao"])


def test_an_unknown_parameter_is_refused_with_the_most_similar_one() -> None:
    with pytest.raises(Invalid, match=r"map docter: .*there are doctor, date; the nearest is doctor"):
        parse_mapping(["docter=Doctor"], ["doctor", "date"])


@pytest.mark.parametrize("written", ["Due_Date", " due date ", "DUEDATE", "due\u00a0date", "Due\ndate"])
def test_case_spaces_and_underscores_make_no_difference(written: str) -> None:
    assert find_column(["Name", written], "date", Column("due date")) == 1


def test_a_missing_column_is_refused_with_the_existing_and_the_most_similar_one() -> None:
    with pytest.raises(Invalid) as caught:
        find_column(["Name", "Mobile No", ""], "to", Column("mobile"))
    assert str(caught.value) == (
        "to: no column is called mobile; there are Name, Mobile No; the nearest is Mobile No; "
        "name the right one as to=COLUMN"
    )


def test_two_columns_with_one_name_are_refused() -> None:
    with pytest.raises(Invalid, match="to: 2 columns are called Mobile; give them different names"):
        find_column(["Mobile", "mobile"], "to", Column("Mobile"))


def test_the_error_for_a_missing_header_hides_the_first_recipient() -> None:
    with pytest.raises(Invalid, match="the first row must name the columns") as caught:
        find_column(["Asha", "919876543210"], "to", Column("to"))
    assert "9198" not in str(caught.value)
    assert "Asha" not in str(caught.value)
