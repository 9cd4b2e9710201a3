"""Reads text files as editors and spreadsheets write them, also on Windows: UTF-8 or UTF-16, with their marks."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final, TextIO

from harkara.errors import Invalid

BYTE_ORDER_MARK: Final = "\ufeff"

_CHUNK_BYTES = 65_536
UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NO_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
"""The first bytes of .xlsx and of .xls, and of UTF-32, which begins as UTF-16 does."""


def is_missing(path: Path) -> bool:
    """Return whether there is no such file; one that this user may not look at is there: reading it fails."""
    try:
        return not path.exists()
    except OSError:
        return False


def read_text(path: Path) -> str:
    r"""Return the text of a file without byte order marks, with `\n` at the ends of lines.

    Raises Invalid, which names the file, the line and the next step.
    """
    encoding = detect_encoding(path, "an editor and save it in UTF-8", "UTF-8")
    with path.open(encoding=encoding) as file:
        return file.read().lstrip(BYTE_ORDER_MARK)


def detect_encoding(path: Path, reopen: str, save_as: str) -> str:
    """Return the encoding after decoding the whole file, so that a wrong file is refused before its first line.

    It is UTF-8, or UTF-16 with its byte order mark. Others are refused: in Windows-1252, for example, any bytes look
    like text, and names would be garbled. `reopen` and `save_as` complete the next step in the error.

    Raises Invalid, which names the file, the line and the next step.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            encoding = "utf-16" if head.startswith(UTF_16_MARKS) else "utf-8-sig"
            if head.startswith(_NO_TEXT) or (encoding != "utf-16" and b"\0" in head[:2]):
                raise Invalid(path.name, f"is not a text file; open it in {reopen}")
            file.seek(0)
            decoder = codecs.getincrementaldecoder(encoding)()
            line = 1
            while chunk := file.read(_CHUNK_BYTES):
                line += decoder.decode(chunk).count("\n")
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line += error.object[: error.start].decode(error.encoding).count("\n")
        name = encoding.removesuffix("-sig").upper()
        raise Invalid(path.name, f"line {line} is not in {name}; save it as {save_as}") from None
    except OSError as error:
        raise Invalid(path.name, f"cannot be read: {error.strerror}") from error
    return encoding


def lines_without_mark(file: TextIO) -> Iterator[str]:
    """Return the lines from the first one on; a second byte order mark, which some programs add, is left out."""
    file.seek(0)
    return chain((file.readline().lstrip(BYTE_ORDER_MARK),), file)
