"""Reading recipients from CSV files as spreadsheets and people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harkara.campaigns import FixedText, Recipient, Reject, Source, parse_mapping, read_recipients
from harkara.errors import Invalid

ASHA, RAVI, MEERA = "919876543210", "919876543211", "919876543212"
MAP = parse_mapping([], ["name"])


def rows(folder: Path, data: str | bytes, columns: dict[str, Source] = MAP, region: str = "IN") -> list[object]:
    """Return row, number and values of each recipient, and row, field and code of each reject."""
    return [
        (each.row, each.to, dict(each.values)) if isinstance(each, Recipient) else (each.row, each.field, each.code)
        for each in results(folder, data, columns, region)
    ]


def results(
    folder: Path, data: str | bytes, columns: dict[str, Source] = MAP, region: str = "IN"
) -> list[Recipient | Reject]:
    path = folder / "audience.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read_recipients(path, columns, region))


def numbers(folder: Path, written: str, region: str = "IN") -> list[object]:
    """Return the number, or the code of the reject, for a file with this text in its only column."""
    return [
        each.to if isinstance(each, Recipient) else each.code
        for each in results(folder, f"to\n{written}\n", {}, region)
    ]


# The file


def test_each_row_is_a_recipient_with_the_mapped_values(tmp_path: Path) -> None:
    columns = parse_mapping(["to=Mobile", "name=Customer Name", "doctor:=Dr Rao"], ["name", "doctor", "date"])
    table = f"Date,mobile,customer_name\n5 May,+91 98765 43210,Asha\n6 May,{RAVI}, Ravi \n"
    assert rows(tmp_path, table, columns) == [
        (2, ASHA, {"name": "Asha", "doctor": "Dr Rao", "date": "5 May"}),
        (3, RAVI, {"name": "Ravi", "doctor": "Dr Rao", "date": "6 May"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_encoding_and_line_ends_are_detected(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    lines = ["to;name".replace(";", delimiter), f'{ASHA}{delimiter}"आशा, ; | José"']
    assert rows(tmp_path, end.join(lines).encode(encoding)) == [(2, ASHA, {"name": "आशा, ; | José"})]


def test_a_delimiter_within_quotes_divides_nothing(tmp_path: Path) -> None:
    table = f'"Name, first, middle, last";to\nAsha;{ASHA}\n'
    assert rows(tmp_path, table, parse_mapping(["name=name, first, middle, last"])) == [(2, ASHA, {"name": "Asha"})]


def test_a_space_after_a_delimiter_does_not_hide_a_quote(tmp_path: Path) -> None:
    assert rows(tmp_path, f'to, name\n{ASHA}, "Rao, Asha"\n') == [(2, ASHA, {"name": "Rao, Asha"})]


def test_the_mapped_columns_decide_the_delimiter_before_the_number_of_columns(tmp_path: Path) -> None:
    table = f"to;name;a,b,c,d\n{ASHA};Asha;1,2,3,4\n"
    assert rows(tmp_path, table) == [(2, ASHA, {"name": "Asha"})]


def test_row_numbers_count_blank_lines_and_line_breaks_in_quotes(tmp_path: Path) -> None:
    table = f'to,name\r\n{ASHA},"Asha\r\nRao"\r\n\r\n,\r\n{RAVI},Ravi\r\n'
    assert rows(tmp_path, table) == [(2, ASHA, {"name": "Asha\r\nRao"}), (6, RAVI, {"name": "Ravi"})]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "header: must be in the first row"),
        (b"PK\x03\x04 and more", "audience.csv: is not a text file; open it in a spreadsheet and save it as CSV UTF-8"),
        ("to,name\n".encode("utf-16-le"), "audience.csv: is not a text file"),
        ("to,name\n1,José\n".encode("cp1252"), "audience.csv: line 2 is not in UTF-8; save it as CSV UTF-8, not as"),
        ("to,name\n".encode("utf-16") + b"1", "audience.csv: line 2 is not in UTF-16"),
        (b"to,name\n919876543210,\xe0\xa4", "audience.csv: line 2 is not in UTF-8"),
        (b"mobile,name\n1,2\n", "to: no column is called to; there are mobile, name; name the right one as to=COLUMN"),
        (b"to,name,Name\n1,2,3\n", "name: 2 columns are called name"),
        (b'"to\n', "header: must be in the first row"),
    ],
)
def test_an_unusable_file_is_refused_with_the_next_step(tmp_path: Path, data: bytes, complaint: str) -> None:
    with pytest.raises(Invalid) as caught:
        results(tmp_path, data)
    assert str(caught.value).startswith(complaint)


def test_a_wrong_encoding_far_down_is_found_before_the_first_recipient(tmp_path: Path) -> None:
    path = tmp_path / "audience.csv"
    lines = [f"9198{count:08},Asha" for count in range(20_000)]
    path.write_bytes("\n".join(["to,name", *lines, "919876543210,José"]).encode("cp1252"))
    with pytest.raises(Invalid, match="line 20002 is not in UTF-8"):
        next(read_recipients(path, MAP))


def test_a_missing_file_a_wrong_region_and_a_fixed_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"none\.csv: cannot be read: No such file"):
        next(read_recipients(tmp_path / "none.csv", MAP))
    with pytest.raises(Invalid, match="region: must be the two letters of a country"):
        results(tmp_path, f"to,name\n{ASHA},Asha\n", MAP, "INDIA")
    with pytest.raises(Invalid, match="to: must be read from a column"):
        results(tmp_path, f"to,name\n{ASHA},Asha\n", {"to": FixedText(ASHA)})


# Rows


def test_an_invalid_row_stops_no_other(tmp_path: Path) -> None:
    table = f"to,name\n12345,A\n{ASHA},\n{ASHA},B,C\n,D\n{ASHA},Asha\n+91 98765-43210,E\n{RAVI},F,,\n{MEERA}\n"
    assert rows(tmp_path, table) == [
        (2, "to", "invalid-number"),
        (3, "name", "missing-value"),
        (4, "", "too-many-columns"),
        (5, "to", "missing-value"),
        (6, ASHA, {"name": "Asha"}),
        (7, "to", "duplicate"),
        (8, RAVI, {"name": "F"}),
        (9, "name", "missing-value"),
    ]


def test_another_spelling_of_a_number_is_a_duplicate(tmp_path: Path) -> None:
    assert rows(tmp_path, "to,name\n+5531988888888,Ana\n553188888888,Ana\n") == [
        (2, "5531988888888", {"name": "Ana"}),
        (3, "to", "duplicate"),
    ]


def test_a_reject_names_row_and_rule_and_hides_the_content(tmp_path: Path) -> None:
    table = (
        f'Mobile,name\n9876,Asha\n9.8E+11,Asha\n{ASHA},Asha\n{ASHA},Asha\n{RAVI}," \n{RAVI},Asha,Rao\n{RAVI},"As"ha\n'
    )
    rejects = [
        each for each in results(tmp_path, table, parse_mapping(["to=Mobile"], ["name"])) if isinstance(each, Reject)
    ]
    assert [str(reject) for reject in rejects] == [
        "row 2, Mobile: is too short: at least 10 digits with the country code (this has 4)",
        "row 3, Mobile: was changed by a spreadsheet and its digits are lost; "
        "format the column as text and fill in the number again",
        "row 5, Mobile: is the number of row 4 again",
        "row 6: a quote is out of place or never closed, so rows 6 to 8 were read as one; correct it",
    ]
    assert not any(secret in repr(rejects) for secret in ("9876", "Asha", "9.8"))


def test_a_repr_shows_neither_number_nor_values(tmp_path: Path) -> None:
    assert [repr(each) for each in results(tmp_path, f"to,name\n{ASHA},Asha\n")] == ["Recipient(row=2)"]


def test_a_misplaced_quote_rejects_only_its_own_row(tmp_path: Path) -> None:
    table = f'to,name\n{ASHA},"Golden" Arches\n{RAVI},6" pipe\n'
    assert rows(tmp_path, table) == [(2, "", "broken-quotes"), (3, RAVI, {"name": '6" pipe'})]


def test_an_unclosed_quote_does_not_swallow_the_rows_after_it(tmp_path: Path) -> None:
    rest = "".join(f"9198{count:08},Asha\n" for count in range(20_000))
    found = results(tmp_path, f'to,name\n{ASHA},"Ravi\n{rest}')
    broken = [each for each in found if isinstance(each, Reject) and each.code == "broken-quotes"]
    assert [each.row for each in broken] == [2]
    assert any(isinstance(each, Recipient) for each in found)


@pytest.mark.parametrize(
    "written",
    [
        f'{ASHA},Asha,"see\n{RAVI},Ravi,ok\n{MEERA},Meera,done"',
        f'{ASHA},Asha,"see\r\n{MEERA},Meera,done"',
        f'{ASHA},"Asha,x\n{MEERA},Meera",y',
        f'{ASHA},"Asha,x\n{MEERA},Meera,done"',
    ],
)
def test_rows_between_two_stray_quotes_are_not_skipped_in_silence(tmp_path: Path, written: str) -> None:
    found = results(tmp_path, f"to,name,note\n{written}\n919876543213,Zoya,\n")
    (reject, last) = found
    assert isinstance(reject, Reject)
    assert (reject.code, f"rows 2 to {1 + len(written.splitlines())} were read as one" in reject.rule) == (
        "broken-quotes",
        True,
    )
    assert isinstance(last, Recipient)


@pytest.mark.parametrize("note", ["Flat 4\n12, MG Nagar\nPune 411001", "call\n98765 43219", "a,b\n1,2,3\n"])
def test_line_breaks_in_a_cell_are_no_rows(tmp_path: Path, note: str) -> None:
    table = f'to,name,note\n{ASHA},Asha,"{note}"\n{RAVI},Ravi,x\n'
    assert [row[1] for row in rows(tmp_path, table)] == [ASHA, RAVI]  # type: ignore[index]


def test_a_row_without_its_values_does_not_make_the_next_one_a_duplicate(tmp_path: Path) -> None:
    assert rows(tmp_path, f"to,name\n{ASHA},\n{ASHA},Asha\n")[1] == (3, ASHA, {"name": "Asha"})


# Numbers


@pytest.mark.parametrize(
    "written",
    [
        "9876543210",
        "+919876543210",
        "'9876543210",
        "'+91 98765 43210",
        '="919876543210"',
        '"=""9876543210"""',
        "919876543210.0",
        '"919876543210,00"',
        "+91 98765.43210",
    ],
)
def test_a_number_that_lost_no_digit_in_a_spreadsheet_is_restored(tmp_path: Path, written: str) -> None:
    assert numbers(tmp_path, written) == [ASHA]


@pytest.mark.parametrize(
    "written",
    [
        "9.19877E+11",
        "9.19876543210E+11",
        '"9,19877E+11"',
        "9.1987654321e11",
        "919877E6",
        "'9.19877E+11",
        "-9876543119",
        "-9876543119.0",
        "\u22129876543119",
    ],
)
def test_a_number_that_a_spreadsheet_rounded_or_subtracted_is_rejected(tmp_path: Path, written: str) -> None:
    assert numbers(tmp_path, written) == ["mangled-number"]


def test_the_zero_of_a_decimal_number_becomes_no_digit(tmp_path: Path) -> None:
    assert numbers(tmp_path, "81234567.0", "SG") == ["6581234567"]
