"""Reads the entries of an FAQ from a CSV file, and writes them as TOML."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import regex

from harkara.assistant.knowledge.faq import FaqEntry, parse_entry
from harkara.assistant.message_form import script_of
from harkara.campaigns.columns import normalize_name
from harkara.campaigns.table import CsvRow, read_table
from harkara.errors import Invalid
from harkara.text_files import detect_encoding

COLUMNS: Final = {
    "id": "id",
    "language": "en",
    "questions": "",
    "answer": "",
    "valid_until": "",
    "buttons": "",
    "synonyms": "",
}
"""The columns, with what an empty cell means. `id`, `questions` and `answer` are required."""

_REQUIRED = ("id", "questions", "answer")
_OTHER_NAMES = {
    "question": "questions",
    "lang": "language",
    "button": "buttons",
    "valid till": "valid_until",
    "synonym": "synonyms",
}
_LISTS = ("questions", "buttons")

_FORMULA = regex.compile(r"[=@＝＠]|[+\-＋－]\w+\(")
"""How a formula begins; a phone number, a list and an amount may begin with a sign."""

_PLACEHOLDER = regex.compile(r"\[[a-z][a-z-]*\]")
_LATIN_WORDS = regex.compile(r"[a-z0-9]+")
_LONGEST_ID = 40

_HEAD = """\
# Written by `harkara faq import`. The FAQ page of the documentation explains the keys.
"""


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """A row that is no entry: its number in the file from 1, and why."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class FaqImport:
    """The entries of a file, and the rows that are none."""

    entries: Sequence[FaqEntry]
    rejected: Sequence[RejectedEntry]


def read_csv(path: Path, today: date, existing: Iterable[FaqEntry] = ()) -> FaqImport:
    """Read the entries of a CSV file; several questions, buttons and groups of synonyms are divided by `|`.

    The words of a group are divided by `=`.

    `existing` are entries that stay, so that a row with the id and language of one is rejected. Raises Invalid for an
    unreadable file or one without a required column.
    """
    kept = {each.key: "is already in the FAQ; use --replace to write a new one" for each in existing}
    entries: list[FaqEntry] = []
    rejected: list[RejectedEntry] = []
    with path.open(encoding=detect_encoding(path, "a spreadsheet and save it as CSV", "CSV UTF-8"), newline="") as file:
        table = read_table(file, (*COLUMNS, *_OTHER_NAMES))
        positions = _positions(table.header)
        for row in table.below:
            try:
                entry = _entry(row, positions, today)
                if fault := kept.get(entry.key):
                    raise Invalid("id", fault)
            except Invalid as error:
                rejected.append(RejectedEntry(row.number, str(error).removeprefix(": ")))
            else:
                kept[entry.key] = f"is the id of row {row.number} too, in the same language; give it another one"
                entries.append(entry)
    return FaqImport(entries, rejected)


def dump_toml(entries: Iterable[FaqEntry]) -> str:
    """Return the file config/faq.toml with these entries, sorted by id and language."""
    return _HEAD + "".join(map(_dump_entry, sorted(entries, key=lambda each: each.key)))


def dump_question(question: str) -> str:
    """Return an entry of config/faq.toml for a question, with an empty answer: the file is refused until it has one.

    Placeholders such as `[card]` are left out.
    """
    question = " ".join(_PLACEHOLDER.sub(" ", question).split())
    words = "-".join(_LATIN_WORDS.findall(question.lower()))[:_LONGEST_ID].strip("-")
    values = {
        "id": _quoted(words or "question"),
        "language": _quoted("hi" if script_of(question) in ("devanagari", "both") else "en"),
        "questions": f"[{_quoted(question)}]",
        "answer": _quoted(""),
    }
    return "[[entry]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


def write_toml(path: Path, entries: Iterable[FaqEntry]) -> None:
    """Write the file as a whole: a process that reads it meanwhile reads the former one."""
    new = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(dump_toml(entries))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _positions(header: Sequence[str]) -> dict[str, int]:
    known = {normalize_name(name): name for name in COLUMNS}
    known |= {normalize_name(other): name for other, name in _OTHER_NAMES.items()}
    found = {
        known[normalize_name(title)]: at
        for at, title in reversed(list(enumerate(header)))
        if normalize_name(title) in known
    }
    for name in _REQUIRED:
        if name not in found:
            raise Invalid(name, f"no column is called so; the columns are {', '.join(COLUMNS)}")
    return found


def _entry(row: CsvRow, positions: Mapping[str, int], today: date) -> FaqEntry:
    if not row.cells:
        raise Invalid("row", "cannot be read; check its quotes")
    cells = {name: row.cells[at] if at < len(row.cells) else "" for name, at in positions.items()}
    for name, cell in cells.items():
        if _FORMULA.match(cell):
            raise Invalid(name, "begins as a formula of a spreadsheet does; write its text instead")
    values: dict[str, Any] = {name: cells.get(name) or default for name, default in COLUMNS.items()}
    values |= {name: _listed(values[name]) for name in _LISTS}
    values["synonyms"] = [_listed(group, "=") for group in _listed(values["synonyms"])]
    values["valid_until"] = _day(values["valid_until"], today)
    return parse_entry(values)


def _listed(cell: str, mark: str = "|") -> list[str]:
    return [part.strip() for part in cell.split(mark) if part.strip()]


def _day(cell: str, today: date) -> date | None:
    if not cell:
        return None
    try:
        day = date.fromisoformat(cell)
    except ValueError:
        raise Invalid("valid_until", "must be a date such as 2027-03-31") from None
    if day < today:
        raise Invalid("valid_until", f"{day} is over; write a later day, or leave the cell empty")
    return day


def _dump_entry(entry: FaqEntry) -> str:
    return "\n[[entry]]\n" + "".join(f"{key} = {value}\n" for key, value in _pairs(entry))


def _pairs(entry: FaqEntry) -> Iterator[tuple[str, str]]:
    yield "id", _quoted(entry.id)
    yield "language", _quoted(entry.language)
    yield "questions", "[\n" + "".join(f"  {_quoted(question)},\n" for question in entry.questions) + "]"
    yield "answer", _quoted(entry.answer)
    if entry.valid_until:
        yield "valid_until", entry.valid_until.isoformat()
    if entry.buttons:
        yield "buttons", f"[{', '.join(map(_quoted, entry.buttons))}]"
    if entry.synonyms:
        groups = (f"[{', '.join(map(_quoted, words))}]" for words in entry.synonyms)
        yield "synonyms", f"[{', '.join(groups)}]"


def _quoted(text: str) -> str:
    """Return a basic string of TOML, whose escapes are those of JSON; TOML escapes U+007F too, which no text has."""
    return json.dumps(text, ensure_ascii=False)
