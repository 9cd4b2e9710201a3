"""Properties of reading recipients, for generated tables and for a large file."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from harkara.campaigns import Recipient, parse_mapping, read_recipients
from harkara.campaigns.cell_faults import find_cell_fault
from harkara.campaigns.columns import normalize_name
from harkara.campaigns.spreadsheet import trim
from harkara.phone import normalize

ASHA, RAVI = "919876543210", "919876543211"
MAP = parse_mapping([], ["name"])

# Python writes a lone \r without quotes, and cannot read it back itself.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12).filter(
    lambda cell: find_cell_fault(trim(cell)) is None
)
HEADERS = st.lists(CELLS.filter(normalize_name), min_size=1, max_size=4, unique_by=normalize_name).filter(
    lambda names: "to" not in map(normalize_name, names)
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Draw the names of the columns, and rows that begin with different numbers and have no blank cell."""
    header = draw(HEADERS)
    cells = st.lists(CELLS.filter(trim), min_size=len(header), max_size=len(header))
    return header, [[f"91987654{row:04}", *values] for row, values in enumerate(draw(st.lists(cells, max_size=8)))]


@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@example((["a;b|c,d"], [["919876543210", '"'], ["919876543211", "\r\n\n x"]]), ";", "utf-16", csv.QUOTE_MINIMAL, "\r\n")
def test_every_table_that_python_writes_is_read_back(
    tmp_path: Path, table: tuple[list[str], list[list[str]]], delimiter: str, encoding: str, quoting: int, end: str
) -> None:
    header, body = table
    path = tmp_path / "table.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]  # one of csv's own
        writer.writerows([["to", *header], *body])
    columns = parse_mapping([f"{position}={name}" for position, name in enumerate(header)])
    found = list(read_recipients(path, columns))
    assert [(each.to, list(each.values.values())) for each in found if isinstance(each, Recipient)] == [
        (row[0], [trim(cell) for cell in row[1:]]) for row in body
    ]
    assert len(found) == len(body)


@given(
    rows=st.lists(st.lists(st.sampled_from(["", " ", ASHA, RAVI, "9.1E+11", "x", '"', 'a"b', "\n"]), max_size=4)),
    delimiter=st.sampled_from(",;"),
)
def test_every_row_with_content_has_one_result_and_no_number_occurs_twice(
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


def test_many_rows_are_read_in_bounded_memory(tmp_path: Path) -> None:
    """A row of these needs 400 bytes or more, its number in the set of those seen 100."""
    path = tmp_path / "audience.csv"
    with path.open("w", newline="") as file:
        lines = ([f"+9198{count:08}", f"Customer {count}", "x" * 100] for count in range(20_000))
        csv.writer(file).writerows([["to", "name", "notes"], *lines])
    normalize(ASHA)  # loads the numbering plans, which must not count
    tracemalloc.start()
    try:
        assert sum(isinstance(each, Recipient) for each in read_recipients(path, MAP)) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
