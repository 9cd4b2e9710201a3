"""The size of a file before it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from harkara.campaigns.sheet import count_lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_lines_are_counted_by_their_ends(tmp_path: Path, encoding: str, end: str, last: str) -> None:
    """In UTF-16, each letter of Gujarati and Gurmukhi has the byte of a line feed."""
    path = tmp_path / "list.csv"
    lines = ["to,name", "919876543210,અમદાવાદ ગુજરાત", "919876543211,ਪੰਜਾਬ ਆਸ਼ਾ", *([last] if last else [])]
    path.write_bytes((end.join(lines) + ("" if last else end)).encode(encoding))
    assert count_lines(path) == len(lines)


@pytest.mark.parametrize("content", [b"", "".encode("utf-16"), b"\xff\xfe"])
def test_an_empty_file_has_no_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    assert count_lines(path) == 0
