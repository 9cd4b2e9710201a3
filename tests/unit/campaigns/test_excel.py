"""The first visible sheet of an Excel file becomes CSV; what is no such file is refused in a sentence."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harkara.campaigns.excel import convert_excel
from harkara.campaigns.sheet import examine
from harkara.errors import Invalid

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
    '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>'
)
ROWS = """
<row r="1"><c r="A1" t="inlineStr"><is><t>Mobile</t></is></c><c r="B1" t="inlineStr"><is><t>Name</t></is></c>
<c r="C1" t="inlineStr"><is><t>Due</t></is></c><c r="D1" t="inlineStr"><is><t>Amount</t></is></c></row>
<row r="2"><c r="A2"><v>9.19876543210E+11</v></c><c r="B2" t="inlineStr"><is><t>&lt;b&gt;Asha&lt;/b&gt;</t></is></c>
<c r="C2" s="1"><v>46355</v></c><c r="D2"><f>1+0.25</f><v>1.25</v></c></row>
<row r="4"><c r="A4"><v>919876543211.0</v></c><c r="B4" t="str"><f>"="&amp;"1"</f><v>=1+1</v></c></row>
"""


def workbook(path: Path, *sheets: tuple[str, str, str], **parts: str) -> Path:
    """Write a workbook; a sheet is its name, its state and its rows."""
    names = "".join(
        f'<sheet name="{name}" sheetId="{n}" state="{state}" r:id="r{n}"/>'
        for n, (name, state, _) in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="r{n}" Type="{TYPES}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    links += f'<Relationship Id="s" Type="{TYPES}/styles" Target="styles.xml"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{TYPES}"><sheets>{names}</sheets></workbook>'
        )
        parts = {"xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{links}</Relationships>'} | parts
        root = f'<Relationship Id="r0" Type="{TYPES}/officeDocument" Target="xl/workbook.xml"/>'
        file.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}">{root}</Relationships>')
        file.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE.replace("relationships", "content-types")}"/>')
        parts = {"xl/styles.xml": STYLES} | parts
        for n, (_, _, rows) in enumerate(sheets, 1):
            sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
            file.writestr(f"xl/worksheets/sheet{n}.xml", sheet)
        for name, content in parts.items():
            file.writestr(name, content)
    return path


def test_the_first_visible_sheet_becomes_csv_with_digits_dates_and_saved_values(tmp_path: Path) -> None:
    path = workbook(tmp_path / "file", ("Old", "hidden", ""), ("Clients", "visible", ROWS), ("More", "visible", ""))
    assert convert_excel(path) == "Clients"
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["Mobile", "Name", "Due", "Amount"],
            ["919876543210", "<b>Asha</b>", "2026-11-29", "1.25"],
            ["", "", "", ""],
            ["919876543211", "'=1+1", "", ""],
        ]
    assert examine(path).first[1][:2] == ["919876543211", "=1+1"]


EXCEL = {
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts count="2"><numFmt numFmtId="164" '
    'formatCode="[$-409]d\\-mmm\\-yyyy;@"/><numFmt numFmtId="165" formatCode="&quot;₹&quot;\\ #,##0.00"/></numFmts>'
    '<cellXfs count="7"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="164"/>'
    '<xf numFmtId="165"/><xf numFmtId="18"/><xf numFmtId="46"/></cellXfs></styleSheet>',
    "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}" count="3" uniqueCount="3"><si><t>Mobile</t></si>'
    '<si><r><t>Na</t></r><r><rPr><b/></rPr><t xml:space="preserve">me </t></r></si><si><t>98765 43210</t></si></sst>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
    f'<Relationship Id="r3" Type="{TYPES}/worksheet" Target="worksheets/sheet3.xml"/>'
    f'<Relationship Id="r2" Type="{TYPES}/worksheet" Target="/xl/worksheets/sheet2.xml"/>'
    f'<Relationship Id="r1" Type="{TYPES}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="s" Type="{TYPES}/styles" Target="styles.xml"/>'
    f'<Relationship Id="t" Type="{TYPES}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
}
"""The parts of a workbook that Excel saves: styles with its own formats, shared texts, and its sheets in any order."""


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="A2"><v>9.1987654321000005E+11</v></c>', "919876543210"),
        ('<c r="A2"><v>9.198765e11</v></c>', "919876500000"),
        ('<c r="A2"><v>9876543210</v></c>', "9876543210"),
        ('<c r="A2" t="s"><v>2</v></c>', "98765 43210"),
        ('<c r="A2" t="s"><v>1</v></c>', "Name "),
        ('<c r="A2" s="1"><v>46355</v></c>', "2026-11-29"),
        ('<c r="A2" s="3"><v>46355</v></c>', "2026-11-29"),
        ('<c r="A2" s="2"><v>46355.423611111109</v></c>', "2026-11-29 10:10"),
        ('<c r="A2" s="2"><v>46355.423726851855</v></c>', "2026-11-29 10:10:10"),
        ('<c r="A2" s="5"><v>0.4375</v></c>', "10:30"),
        ('<c r="A2" s="6"><v>1.5</v></c>', "36:00"),
        ('<c r="A2" s="4"><v>1234.5600000000002</v></c>', "1234.56"),
        ('<c r="A2"><f>0.1+0.2</f><v>0.30000000000000004</v></c>', "0.3"),
        ('<c r="A2" t="b"><v>1</v></c>', "TRUE"),
        ('<c r="A2" t="e"><f>NA()</f><v>#N/A</v></c>', ""),
    ],
)
def test_a_cell_as_excel_saves_it_becomes_the_text_that_excel_shows(tmp_path: Path, cell: str, text: str) -> None:
    rows = (
        f'<row r="1" spans="1:2"><c r="A1" t="s"><v>0</v></c></row><row r="2" spans="1:2">{cell}<c r="B2" s="1"/></row>'
    )
    sheets = ("Pivot", "veryHidden", ""), ("Clients", "visible", f'{rows}<row r="3"/>'), ("Sheet3", "visible", "")
    path = workbook(tmp_path / "file", *sheets, **EXCEL)
    assert convert_excel(path) == "Clients"
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[:2] == [["Mobile"], [text]]


def test_a_csv_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"Mobile\n9876543210\n")
    assert convert_excel(path) is None
    assert path.read_bytes() == b"Mobile\n9876543210\n"


LARGE = ("Clients", "visible", ROWS + " " * 100_000)


def declare_size(path: Path, size: int) -> Path:
    """Let the workbook of one LARGE sheet say that the sheet has this size."""
    with zipfile.ZipFile(path) as parts:
        real = parts.getinfo("xl/worksheets/sheet1.xml").file_size
    path.write_bytes(path.read_bytes().replace(real.to_bytes(4, "little"), size.to_bytes(4, "little")))
    return path


def empty_rows(number: int) -> str:
    return "".join(f"<row r='{n}'><c r='A{n}'/></row>" for n in range(1, number + 1))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            lambda: '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
            "row 1,048,576",
        ),
        (lambda: '<row r="1048576"><c><v>1</v></c></row>', "row 1,048,576"),
        (lambda: "<row r='1000001'/>" + "<c r='A1'/>" * 1_000_001, "at most 1,000,000 lines; divide"),
        (
            lambda: empty_rows(1_999) + "<row r='1999'><c r='XFD1999'/></row>",
            "at most 10,000,000 cells; delete columns",
        ),
    ],
)
def test_a_file_that_would_need_too_much_memory_is_refused(
    tmp_path: Path, rows: Callable[[], str], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        convert_excel(workbook(tmp_path / "file", ("Clients", "visible", rows())))


def test_a_file_that_says_that_it_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = declare_size(workbook(tmp_path / "file", LARGE), 250_000_001)
    with pytest.raises(Invalid, match="unpacks to more than 250 MB"):
        convert_excel(path)


def test_a_part_that_is_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    path = declare_size(workbook(tmp_path / "file", LARGE), 500)
    with pytest.raises(Invalid, match="damaged"):
        convert_excel(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xd0\xcf\x11\xe0old", "old or a protected"), (b"PK\x03\x04 and no more", "damaged")],
)
def test_other_files_are_refused_in_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=message):
        convert_excel(path)


def test_an_open_document_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    with pytest.raises(Invalid, match="neither CSV nor an Excel file"):
        convert_excel(path)
