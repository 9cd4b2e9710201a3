"""Audiences as Excel and other spreadsheets save them: marks that no one sees, titles, errors and placeholders."""

from __future__ import annotations

from pathlib import Path

import pytest

from harkara.campaigns import Recipient, Reject, parse_mapping, read_recipients
from harkara.errors import Invalid
from tests.unit.campaigns.test_audience import ASHA, MAP, RAVI, numbers, results, rows

MOBILE = parse_mapping(["to=Mobile", "name=Name"], ["name"])


def complaint(folder: Path, data: str | bytes) -> str:
    with pytest.raises(Invalid) as caught:
        results(folder, data, MOBILE)
    return str(caught.value)


# The file


def test_a_second_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    table = b"\xef\xbb\xbf\xef\xbb\xbfMobile,Name\r\n9876543210,Asha\r\n"
    assert rows(tmp_path, table, MOBILE) == [(2, ASHA, {"name": "Asha"})]
    quoted = b'\xef\xbb\xbf\xef\xbb\xbf"Mobile","Name"\r\n"9876543210","Asha"\r\n'
    assert rows(tmp_path, quoted, MOBILE) == [(2, ASHA, {"name": "Asha"})]


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;", "\ufeffsep=;"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_line_in_which_excel_declares_the_delimiter_is_no_header(tmp_path: Path, line: str, encoding: str) -> None:
    table = f"{line}\r\nMobile;Name\r\n9876543210;Asha\r\n"
    assert rows(tmp_path, table.encode(encoding), MOBILE) == [(3, ASHA, {"name": "Asha"})]


def test_a_declared_delimiter_may_be_any_sign_and_a_wrong_declaration_does_no_harm(tmp_path: Path) -> None:
    assert rows(tmp_path, f"sep=^\nMobile^Name\n{ASHA}^Asha\n", MOBILE) == [(3, ASHA, {"name": "Asha"})]
    assert rows(tmp_path, f"sep=\t\nMobile\tName\n{ASHA}\tAsha\n", MOBILE) == [(3, ASHA, {"name": "Asha"})]
    assert rows(tmp_path, f"sep=;\nMobile,Name\n{ASHA},Asha\n", MOBILE) == [(3, ASHA, {"name": "Asha"})]


def test_titles_and_blank_rows_above_the_header_are_no_recipients(tmp_path: Path) -> None:
    table = "customer list,,\r\nMobile,Name,\r\n9876543210,Asha,\r\n"
    assert rows(tmp_path, table, MOBILE) == [(3, ASHA, {"name": "Asha"})]
    dated = f"Report of 01.11.2026 to 30.11.2026\nMobile,Name\n{ASHA},Asha\n"
    assert rows(tmp_path, dated, MOBILE) == [(3, ASHA, {"name": "Asha"})]
    report = f"Report of 01.11.2026 to 30.11.2026\n\n,,\nBranch,Pune,\n\nName,Mobile,City\nAsha,{ASHA},Pune\n"
    assert rows(tmp_path, report, MOBILE) == [(7, ASHA, {"name": "Asha"})]


def test_a_recipient_above_the_header_is_rejected_and_not_forgotten(tmp_path: Path) -> None:
    table = f"Customers\n{RAVI},Ravi\nMobile,Name\n{ASHA},Asha\n"
    assert rows(tmp_path, table, MOBILE) == [(2, "Mobile", "above-header"), (4, ASHA, {"name": "Asha"})]
    (reject, _) = results(tmp_path, table, MOBILE)
    assert str(reject) == "row 2, Mobile: is above the header, which is row 3; move this row below it"


def test_a_broken_quote_above_the_header_is_rejected(tmp_path: Path) -> None:
    assert rows(tmp_path, f'"Custo"mers\nMobile,Name\n{ASHA},Asha\n', MOBILE)[0] == (1, "", "broken-quotes")


def test_the_error_for_missing_columns_lists_the_header_below_a_title_and_no_customer(tmp_path: Path) -> None:
    assert complaint(tmp_path, "customer list,,\nPhone,Customer,City\n9876543210,Asha,Pune\n") == (
        "to: no column is called Mobile; there are Phone, Customer, City; name the right one as to=COLUMN"
    )
    for table in ("customer list\n9876543210,Asha\n", "9876543210,Asha\n"):
        assert "Asha" not in complaint(tmp_path, table)
    assert complaint(tmp_path, "\n \n").startswith("header: must be in the first row")


def test_trailing_delimiters_and_blank_rows_change_nothing(tmp_path: Path) -> None:
    table = f"Mobile,Name,,\r\n,,,\r\n{ASHA},Asha,,,,\r\n\u200b,\ufeff,,\r\n\r\n{RAVI},Ravi\r\n"
    assert rows(tmp_path, table, MOBILE) == [(3, ASHA, {"name": "Asha"}), (6, RAVI, {"name": "Ravi"})]


def test_windows_1252_is_refused_with_the_line_and_the_next_step(tmp_path: Path) -> None:
    table = f"Mobile,Name\r\n{ASHA},José\r\n".encode("cp1252")
    assert complaint(tmp_path, table) == (
        "audience.csv: line 2 is not in UTF-8; save it as CSV UTF-8, not as plain CSV"
    )


def test_utf_32_is_refused_and_not_read_as_utf_16(tmp_path: Path) -> None:
    assert "is not a text file" in complaint(tmp_path, f"Mobile,Name\n{ASHA},Asha\n".encode("utf-32"))


# Headers


@pytest.mark.parametrize(
    "written",
    [
        "\u200bMobile",
        "Mobile\u200b",
        "\xa0Mobile\xa0",
        "\u200fMobile\u200f",
        "'Mobile'",
        "“Mobile”",
        "\u202aMobile\u202c",
        "Mo\xadbile",
        "'Mobile",
        "\u2060mobile",
        "Ｍobile",
    ],
)
def test_invisible_marks_and_quotes_in_a_header_make_no_difference(tmp_path: Path, written: str) -> None:
    assert rows(tmp_path, f"{written},Name\n{ASHA},Asha\n", MOBILE) == [(2, ASHA, {"name": "Asha"})]


# Numbers


@pytest.mark.parametrize(
    "written",
    [
        "\u202a+91 98765 43210\u202c",
        "\u200e9876543210",
        "9876\u200b543210",
        "\ufeff9876543210",
        "98765\u00a043210",
        "\u200f9876543210\u200f",
        "\u20189876543210",
        "`9876543210",
        "\u201c9876543210\u201d",
        "\u202a'+919876543210\u202c",
        "\u202a919876543210.0\u202c",
        "９８７６５４３２１０",
    ],
)
def test_marks_and_quotes_around_a_number_are_no_part_of_it(tmp_path: Path, written: str) -> None:
    assert numbers(tmp_path, written) == [ASHA]


@pytest.mark.parametrize(
    "written",
    [
        "9876543210.5",
        '"9876543210,25"',
        "+919876543210.125",
        "81234567.5",
        "9.19877E +11",
        "\u200e9.19877E+11",
        "‘9.19877E+11",
        "-9876543210.5",
    ],
)
def test_fractions_and_scientific_notation_are_rejected_also_between_marks(tmp_path: Path, written: str) -> None:
    assert numbers(tmp_path, written) == ["mangled-number"]


# Values


@pytest.mark.parametrize(
    "value",
    [
        "#N/A",
        "#REF!",
        "#NAME?",
        "#VALUE!",
        "#DIV/0!",
        "#NULL!",
        "#NUM!",
        "#SPILL!",
        "#CALC!",
        "#n/a",
        "#ERROR!",
        "#NV",
        "#BEZUG!",
        "#WERT!",
        "#¡REF!",
        "Err:502",
        "########",
        "NULL",
        "\\N",
        "(null)",
        "undefined",
        "[object Object]",
        "\u200e#N/A",
        '"=""#N/A"""',
    ],
)
def test_the_error_of_a_spreadsheet_is_no_value(tmp_path: Path, value: str) -> None:
    assert rows(tmp_path, f"to,name\n{ASHA},{value}\n{RAVI},Ravi\n") == [
        (2, "name", "error-value"),
        (3, RAVI, {"name": "Ravi"}),
    ]


@pytest.mark.parametrize(
    "value", ["{{name}}", "{{1}}", "Dear {{ name }}", "${name}", "{name}", "<<First Name>>", "{{}}"]
)
def test_a_placeholder_that_was_not_filled_is_no_value(tmp_path: Path, value: str) -> None:
    assert rows(tmp_path, f"to,name\n{ASHA},{value}\n") == [(2, "name", "unfilled-placeholder")]


@pytest.mark.parametrize(
    "value", ["#1 Diwali sale", "No. #5", "Null Bazaar", "A/N", "50 %", "{20 %} off", "1 < 2", "#SALE!"]
)
def test_a_text_that_resembles_an_error_is_a_value(tmp_path: Path, value: str) -> None:
    assert rows(tmp_path, f"to,name\n{ASHA},{value}\n") == [(2, ASHA, {"name": value})]


def test_an_error_in_the_column_of_numbers_is_named_as_one(tmp_path: Path) -> None:
    assert numbers(tmp_path, "#REF!") == ["error-value"]


def test_marks_around_a_value_are_removed_and_joiners_within_letters_stay(tmp_path: Path) -> None:
    table = f'to,name\n{ASHA},\u200bक्\u200dषमा\u200b\u00a0\n{RAVI},"=""0042"""\n'
    assert rows(tmp_path, table) == [(2, ASHA, {"name": "क्\u200dषमा"}), (3, RAVI, {"name": "0042"})]


def test_every_row_of_a_sheet_with_errors_has_its_reason(tmp_path: Path) -> None:
    faults = ["#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "{{name}}"]
    lines = [f"987654321{number},{fault}" for number, fault in enumerate([*faults, "Asha"])]
    found = results(tmp_path, "\r\n".join(["Mobile,Name", *lines, ""]), MOBILE)
    assert [(each.row, each.code) for each in found if isinstance(each, Reject)] == [
        *((row, "error-value") for row in range(2, 7)),
        (7, "unfilled-placeholder"),
    ]
    assert [each.row for each in found if isinstance(each, Recipient)] == [8]
    assert not any(fault in repr(found) for fault in ("REF", "DIV"))


def test_a_file_without_a_mapping_is_read_in_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "audience.csv"
    path.write_text(f"sep=,\nMembers\nto,name\n{ASHA},Asha\n")
    assert [each.row for each in read_recipients(path, MAP)] == [4]
