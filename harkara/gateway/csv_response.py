"""Answer with a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from tempfile import TemporaryFile
from typing import IO, Final

from fastapi.responses import StreamingResponse

from harkara.campaigns.spreadsheet import CsvWriter

CSV: Final = "text/csv; charset=utf-8"

_CHUNK_BYTES = 256 * 1024


def csv_response(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingResponse:
    """Return the rows, whose cells no spreadsheet computes. They are on disk first: a slow client holds no query."""
    file = TemporaryFile()
    text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = CsvWriter(text)
    writer.write(columns)
    for row in rows:
        writer.write(row)
    text.detach()
    file.seek(0)
    return StreamingResponse(_chunks(file), media_type=CSV)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
