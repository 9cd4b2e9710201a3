"""Audiences as spreadsheets and people write them."""

from __future__ import annotations

import csv
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harkara.campaigns import FixedText, Recipient, Reject, Source, parse_mapping, read_recipients
from harkara.campaigns.columns import normalize_name
from harkara.errors import Invalid
from harkara.phone import normalize

ASHA, RAVI, MEERA = "919876543210", "919876543211", "919876543212"
MAP = parse_mapping([], ["name"])


def rows(folder: Path, data: str | bytes, columns: dict[str, Source] = MAP, region: str = "IN") -> list[object]:
    """What comes of each row, in short: a recipient's row, number and values, or a reject's row, field and code."""
    return [
        (each.row, each.to, dict(each.values)) if isinstance(each, Recipient) else (each.row, each.field, each.code)
        for each in outcomes(folder, data, columns, region)
    ]


def outcomes(
    folder: Path, data: str | bytes, columns: dict[str, Source] = MAP, region: str = "IN"
) -> list[Recipient | Reject]:
    path = folder / "audience.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read_recipients(path, columns, region))


def numbers(folder: Path, written: str, region: str = "IN") -> list[object]:
    """What comes of a number that is written like this in a file with one column."""
    return [
        each.to if isinstance(each, Recipient) else each.code
        for each in outcomes(folder, f"to\n{written}\n", {}, region)
    ]


# The file


def test_each_row_is_a_recipient_with_the_values_of_the_template(tmp_path: Path) -> None:
    columns = parse_mapping(["to=Mobile", "name=Customer Name", "doctor:=Dr Rao"], ["name", "doctor", "date"])
    table = f"Date,mobile,customer_name\n5 May,+91 98765 43210,Asha\n6 May,{RAVI}, Ravi \n"
    assert rows(tmp_path, table, columns) == [
        (2, ASHA, {"name": "Asha", "doctor": "Dr Rao", "date": "5 May"}),
        (3, RAVI, {"name": "Ravi", "doctor": "Dr Rao", "date": "6 May"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_encoding_and_line_ends_are_found_out(
    tmp_path: Path, delimiter: str, encoding: str, end: str
) -> None:
    lines = ["to;name".replace(";", delimiter), f'{ASHA}{delimiter}"आशा, ; | José"']
    assert rows(tmp_path, end.join(lines).encode(encoding)) == [(2, ASHA, {"name": "आशा, ; | José"})]


def test_a_delimiter_within_quotes_is_none(tmp_path: Path) -> None:
    table = f'"Name, first, middle, last";to\nAsha;{ASHA}\n'
    assert rows(tmp_path, table, parse_mapping(["name=name, first, middle, last"])) == [(2, ASHA, {"name": "Asha"})]


def test_a_space_after_a_delimiter_does_not_hide_a_quote(tmp_path: Path) -> None:
    assert rows(tmp_path, f'to, name\n{ASHA}, "Rao, Asha"\n') == [(2, ASHA, {"name": "Rao, Asha"})]


def test_the_wanted_columns_speak_for_a_delimiter_before_their_count_does(tmp_path: Path) -> None:
    table = f"to;name;a,b,c,d\n{ASHA};Asha;1,2,3,4\n"
    assert rows(tmp_path, table) == [(2, ASHA, {"name": "Asha"})]


def test_rows_are_counted_as_lines_across_blank_ones_and_breaks_in_quotes(tmp_path: Path) -> None:
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
def test_a_file_that_will_not_do_is_refused_with_the_next_step(tmp_path: Path, data: bytes, complaint: str) -> None:
    with pytest.raises(Invalid) as caught:
        outcomes(tmp_path, data)
    assert str(caught.value).startswith(complaint)


def test_a_wrong_encoding_far_down_is_found_before_the_first_recipient(tmp_path: Path) -> None:
    path = tmp_path / "audience.csv"
    lines = [f"9198{count:08},Asha" for count in range(20_000)]
    path.write_bytes("\n".join(["to,name", *lines, "919876543210,José"]).encode("cp1252"))
    with pytest.raises(Invalid, match="line 20002 is not in UTF-8"):
        next(read_recipients(path, MAP))


def test_a_file_that_is_not_there_a_wrong_region_and_a_fixed_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"none\.csv: cannot be read: No such file"):
        next(read_recipients(tmp_path / "none.csv", MAP))
    with pytest.raises(Invalid, match="region: must be the two letters of a country"):
        outcomes(tmp_path, f"to,name\n{ASHA},Asha\n", MAP, "INDIA")
    with pytest.raises(Invalid, match="to: must be read from a column"):
        outcomes(tmp_path, f"to,name\n{ASHA},Asha\n", {"to": FixedText(ASHA)})


# Rows


def test_a_row_that_will_not_do_never_stops_the_others(tmp_path: Path) -> None:
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


def test_a_reject_says_where_and_why_and_never_what(tmp_path: Path) -> None:
    table = (
        f'Mobile,name\n9876,Asha\n9.8E+11,Asha\n{ASHA},Asha\n{ASHA},Asha\n{RAVI}," \n{RAVI},Asha,Rao\n{RAVI},"As"ha\n'
    )
    rejects = [
        each for each in outcomes(tmp_path, table, parse_mapping(["to=Mobile"], ["name"])) if isinstance(each, Reject)
    ]
    assert [str(reject) for reject in rejects] == [
        "row 2, Mobile: is too short: at least 10 digits with the country code (this has 4)",
        "row 3, Mobile: was changed by a spreadsheet and its digits are lost; "
        "format the column as text and fill in the number again",
        "row 5, Mobile: is the number of row 4 again",
        "row 6: a quote is out of place or never closed, so rows 6 to 8 were read as one; correct it",
    ]
    assert not any(secret in repr(rejects) for secret in ("9876", "Asha", "9.8"))


def test_a_recipient_shows_neither_number_nor_values(tmp_path: Path) -> None:
    assert [repr(each) for each in outcomes(tmp_path, f"to,name\n{ASHA},Asha\n")] == ["Recipient(row=2)"]


def test_a_quote_out_of_place_costs_its_own_row_alone(tmp_path: Path) -> None:
    table = f'to,name\n{ASHA},"Golden" Arches\n{RAVI},6" pipe\n'
    assert rows(tmp_path, table) == [(2, "", "broken-quotes"), (3, RAVI, {"name": '6" pipe'})]


def test_a_quote_that_is_never_closed_is_reported_and_the_rows_after_it_are_not_one_value(tmp_path: Path) -> None:
    rest = "".join(f"9198{count:08},Asha\n" for count in range(20_000))
    found = outcomes(tmp_path, f'to,name\n{ASHA},"Ravi\n{rest}')
    broken = [each for each in found if isinstance(each, Reject) and each.code == "broken-quotes"]
    assert [each.row for each in broken] == [2]
    assert any(isinstance(each, Recipient) for each in found)


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
def test_what_a_spreadsheet_does_to_a_number_is_mended_where_no_digit_is_lost(tmp_path: Path, written: str) -> None:
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
def test_a_number_that_a_spreadsheet_rounded_or_subtracted_is_refused(tmp_path: Path, written: str) -> None:
    assert numbers(tmp_path, written) == ["mangled-number"]


def test_the_decimal_point_of_a_short_number_does_not_become_a_digit_of_a_longer_one(tmp_path: Path) -> None:
    assert numbers(tmp_path, "81234567.0", "SG") == ["6581234567"]


# Properties

# Python writes a lone \r without quotes, and cannot read it back itself.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
HEADERS = st.lists(CELLS.filter(normalize_name), min_size=1, max_size=4, unique_by=normalize_name).filter(
    lambda names: "to" not in map(normalize_name, names)
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, and rows of which each begins with another number and has no blank cell."""
    header = draw(HEADERS)
    cells = st.lists(CELLS.filter(str.strip), min_size=len(header), max_size=len(header))
    return header, [[f"91987654{row:04}", *values] for row, values in enumerate(draw(st.lists(cells, max_size=8)))]


@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@example((["a;b|c,d"], [["919876543210", '"'], ["919876543211", "\r\n\n x"]]), ";", "utf-16", csv.QUOTE_MINIMAL, "\r\n")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_table_python_writes_is_read_back_whole(
    tmp_path: Path, table: tuple[list[str], list[list[str]]], delimiter: str, encoding: str, quoting: int, end: str
) -> None:
    header, body = table
    path = tmp_path / "table.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]  # one of csv's own
        writer.writerows([["to", *header], *body])
    columns = parse_mapping([f"{place}={name}" for place, name in enumerate(header)])
    found = list(read_recipients(path, columns))
    assert [(each.to, list(each.values.values())) for each in found if isinstance(each, Recipient)] == [
        (row[0], [cell.strip() for cell in row[1:]]) for row in body
    ]
    assert len(found) == len(body)


@given(
    rows=st.lists(st.lists(st.sampled_from(["", " ", ASHA, RAVI, "9.1E+11", "x", '"', 'a"b', "\n"]), max_size=4)),
    delimiter=st.sampled_from(",;"),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_that_is_not_blank_comes_out_once_and_no_number_twice(
    tmp_path: Path, rows: Sequence[Sequence[str]], delimiter: str
) -> None:
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([["to", "name"], *rows])
    found = list(read_recipients(path, MAP))
    assert len(found) == sum(any(cell.strip() for cell in row) for row in rows)
    assert [each.row for each in found] == sorted({each.row for each in found})
    sent = [each.to for each in found if isinstance(each, Recipient)]
    assert len(sent) == len(set(sent))


# Size


def test_a_hundred_thousand_rows_are_read_in_bounded_memory_and_little_time(tmp_path: Path) -> None:
    path = tmp_path / "audience.csv"
    with path.open("w", newline="") as file:
        lines = ([f"+9198{count:08}", f"Customer {count}", "x" * 100] for count in range(100_000))
        csv.writer(file).writerows([["to", "name", "notes"], *lines])
    normalize(ASHA)  # loads the numbering plans, which are not the reader's
    begun = time.perf_counter()
    assert sum(isinstance(each, Recipient) for each in read_recipients(path, MAP)) == 100_000
    assert time.perf_counter() - begun < 30
    tracemalloc.start()
    try:
        for _ in read_recipients(path, MAP):
            pass
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
