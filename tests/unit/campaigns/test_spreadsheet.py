"""Cells of CSV files are text for a spreadsheet, and are the same text when they are read again."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.campaigns.audience import Recipient, read_recipients
from harkara.campaigns.columns import parse_mapping
from harkara.campaigns.spreadsheet import CsvWriter, guard, unguard

ROOT = Path(__file__).resolve().parents[3]
NUMBER = "+919876543210"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "''@x"])
def test_a_cell_that_a_spreadsheet_would_compute_gets_an_apostrophe(text: str) -> None:
    assert guard(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Asha", "1+1", "'quoted'", " =1", "a=b", "919876543210", "2026-11-28"])
def test_any_other_cell_stays_as_it_is(text: str) -> None:
    assert guard(text) == unguard(text) == text


@given(st.text(st.sampled_from("'=+-@\t\r\n a1"), max_size=6))
def test_a_guarded_cell_is_the_same_text_when_it_is_read(text: str) -> None:
    assert unguard(guard(text)) == text
    assert guard(text)[:1] not in tuple("=+-@\t\r\n")


def test_numbers_and_none_are_written_as_they_are() -> None:
    file = io.StringIO()
    CsvWriter(file).write([-5, None, "-5", "a,b"])
    assert file.getvalue() == '-5,,\'-5,"a,b"\r\n'


def test_a_number_with_its_plus_sign_and_a_formula_come_back_from_a_report(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = CsvWriter(file)
        writer.write(("to", "reason"))
        writer.write((NUMBER, "=HYPERLINK(1)"))
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1] == [f"'{NUMBER}", "'=HYPERLINK(1)"]
    (recipient,) = read_recipients(path, parse_mapping([], ("reason",)))
    assert isinstance(recipient, Recipient)
    assert (recipient.to, recipient.values["reason"]) == (NUMBER.removeprefix("+"), "=HYPERLINK(1)")


def test_only_one_module_writes_csv_files() -> None:
    packages = ("harkara", "config", "tasks", "workers", "sandbox")
    writers = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)|from csv import", path.read_text("utf-8"))
    }
    assert writers == {"harkara/campaigns/spreadsheet.py"}
