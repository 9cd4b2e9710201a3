"""Turns the first visible sheet of an Excel file (.xlsx) into CSV, within limits on what it may unpack to."""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from harkara.campaigns.sheet import check_lines
from harkara.campaigns.spreadsheet import CsvWriter
from harkara.errors import Invalid

MAX_UNPACKED: Final = 250_000_000
"""Bytes of all parts of the file."""

MAX_CELLS: Final = 10_000_000
"""The reader keeps a rectangle from the first to the last cell in memory, 32 bytes for each of its cells."""

_ZIP, _OLD = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_CHUNK_BYTES, _LONGEST = 1 << 20, 64
_POSITION = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{0,3})(\d{1,10})[\"']")
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")


@contextmanager
def opened_as_csv(path: Path) -> Iterator[tuple[Path, str | None]]:
    """Give the path of a file that is no Excel file, or a temporary CSV of an Excel file and the name of its sheet.

    Raises Invalid as `convert_excel` does. A file that cannot be read is given as it is.
    """
    if _head(path) not in (_ZIP, _OLD):
        yield path, None
        return
    with TemporaryDirectory(prefix="harkara-") as folder:
        copy = Path(folder) / f"{path.stem}.csv"
        shutil.copyfile(path, copy)
        yield copy, convert_excel(copy)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError:
        return b""


def convert_excel(path: Path) -> str | None:
    """Replace an Excel file by the CSV of its first visible sheet; return its name, None for any other file.

    Numbers become digits, dates ISO 8601, and formulas the values that Excel has saved with them. Raises Invalid for
    an old or a damaged Excel file, an OpenDocument, and a file that unpacks to too much.
    """
    head = _head(path)
    if head == _OLD:
        raise Invalid("file", "is an old or a protected Excel file: save it as .xlsx or as CSV UTF-8")
    if head != _ZIP:
        return None
    _check(path)
    name, rows = _read(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = CsvWriter(file)
        for row in rows:
            writer.write(map(_text, row))
    return name


def _check(path: Path) -> None:
    """Unpack each part once, so that no part is larger than it says."""
    try:
        with zipfile.ZipFile(path) as parts:
            if "xl/workbook.xml" not in parts.namelist():
                raise Invalid("file", "is neither CSV nor an Excel file (.xlsx): save it as one of them")
            if sum(part.file_size for part in parts.infolist()) > MAX_UNPACKED:
                raise Invalid("file", "unpacks to more than 250 MB; divide it into several")
            for part in parts.infolist():
                _check_part(_chunks(parts, part))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error):
        raise Invalid("file", "is a damaged Excel file: save it anew, or as CSV UTF-8") from None


def _chunks(parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with parts.open(part) as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            yield chunk


def _check_part(chunks: Iterator[bytes]) -> None:
    """Refuse a sheet that has too many cells for the reader, or one so far away that it would need as much memory."""
    rest, rows, columns, cells, placed, is_sheet = b"", 1, 1, 0, 0, False
    for chunk in chunks:
        text = rest + chunk
        is_sheet = is_sheet or b"sheetData" in text
        # What a chunk cuts in two is found with the next one.
        end = len(text) - _LONGEST
        for found in _POSITION.finditer(text):
            if found.start() < end or len(chunk) < _CHUNK_BYTES:
                rows, columns = max(rows, int(found[2])), max(columns, _column(found[1]))
                placed += bool(found[1])
        cells += sum(found.start() < end or len(chunk) < _CHUNK_BYTES for found in _CELL.finditer(text))
        rest = text[max(end, 0) :]
    if is_sheet:
        _check_size(rows, columns, cells, placed)


def _check_size(rows: int, columns: int, cells: int, placed: int) -> None:
    """Refuse a large table by its size, and a small one with something far away by the place of that."""
    if placed == cells >= rows:
        check_lines(rows)
        if rows * columns > MAX_CELLS:
            size = f"this has {rows:,} rows of {columns:,}"
            raise Invalid("file", "at most 10,000,000 cells; delete columns that no message needs, or divide it", size)
    if rows * columns > MAX_CELLS or cells > placed:
        far = f"its last one is in row {rows:,}, column {columns:,}"
        raise Invalid("file", "has a cell far away from the others: delete what is below the last row", far)


@lru_cache(maxsize=1024)
def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - 64
    return number


def _read(path: Path) -> tuple[str, list[list[Any]]]:
    # Imported here: workers import this module and read no file.
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        # A path would have to end in .xlsx.
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as book:
            for sheet in book.sheets_metadata:
                if sheet.visible is SheetVisibleEnum.Visible and sheet.typ is SheetTypeEnum.WorkSheet:
                    return sheet.name, book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
    except CalamineError:
        raise Invalid("file", "is a damaged Excel file: save it anew, or as CSV UTF-8") from None
    raise Invalid("file", "has no visible sheet")


def _text(value: Any) -> str:
    match value:
        case bool():
            return str(value).upper()
        case float():
            return f"{Decimal(f'{value:.15g}'):f}"  # Excel itself shows 15 digits: 0.1 + 0.2 is 0.3
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime():
            return value.isoformat(" ", "seconds").removesuffix(":00")
        case time():
            return value.isoformat("seconds").removesuffix(":00")
        case timedelta():
            return _hours(round(value.total_seconds()))
        case date():
            return value.isoformat()
    return str(value)


def _hours(seconds: int) -> str:
    """Return a time that can be longer than a day as Excel shows it: 36:00."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02}" + (f":{rest:02}" if rest else "")
