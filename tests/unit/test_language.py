"""One word has one meaning: retired words are gone, names say what they do, and a class name is one class."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("harkara", "config", "tasks", "workers", "sandbox", "harness", "benchmarks", "tests")
FOLDERS = (*ROOMS, "docs", ".ci")
WRITTEN = {".py", ".md", ".toml", ".yml", ".html", ".lua", ".css", ".js"}

RETIRED = {
    "wake-up, notify": "bell bells ring rings rang ringing ringer ringers knock knocks",
    "backend, HTTP API": "door doors",
    "published": "shelf shelves",
    "intake consumer": "reception",
    "lease": "duty duties",
    "callback delivery": "courier couriers",
    "fingerprint": "echo echoes",
    "apply, process": "fold folds folded folding unfolded",
    "receive": "hear hears heard hearing unheard",
    "choice, request, spec": "wish wishes wished wishing",
    "notify, report, return": "tell tells told telling untold",
    "publish, write": "lay lays laid laying",
    "a plain term": "road roads walls house houses desk desks story stories puzzled",
    "the subject's name": "somebody nobody whoever whom anybody everybody",
}
"""Retired words, by what is written instead."""

INSTEAD = {word: better for better, line in RETIRED.items() for word in line.split()}

FIXED = re.compile(
    r"harkara\.fold|tasks[./]fold"  # a task
    r"|\bfold=(?:fold\b)?|\.fold\b|\bfold: int|\bfold in\b"  # of Python's datetime
    r"|[\"'`](?:fold|folded|duty|wish|told)[\"'`]|\"wish IN"  # values, keys and constraints
    r"|wish:=|to,wish|to, wish|wish,category|\[wish\]|\bwish: str"  # a column, also of CSV files
    r"|\bduty\b|\becho\b|\becho_|_echo\b|_?wished_at\b|\bfolded_at\b|_event_heard\b"  # tables, columns, indexes
    r"|\buntold\b|:bell\b|\bcourier\b"  # a figure of the sandbox, a key in Redis, a parameter of a template
)
"""Names that releases, databases and programs share."""

CUSTOMERS = {"faq.toml", "synonyms.toml"}
"""Files in the words of customers."""

HOLLOW = set("take takes tell tells keep keeps lay lays look looks wish bring go say says".split())
"""Verbs that name no action; no function, method or class begins with one."""

_LETTERS = re.compile("[A-Za-z]+")
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_DEFINITION = re.compile(r"^[ \t]*(?:async +)?(def|class) +(\w+)", re.MULTILINE)


class Defined(NamedTuple):
    """A function or a class, and the file that defines it."""

    path: Path
    kind: str
    name: str


def test_no_retired_word_is_left() -> None:
    found = [
        f"{path}:{number}: {word!r}, better: {INSTEAD[word]}"
        for path in written()
        if (suspects := with_retired_words(text := (ROOT / path).read_text("utf-8")))
        for number, line in enumerate(text.splitlines(), start=1)
        if any(each in line for each in suspects)
        for word in words(FIXED.sub("", line))
        if word in INSTEAD
    ]
    assert not found, "\n".join(found)


def test_a_name_says_what_it_does() -> None:
    assert [f"{each.path}: {each.name}" for each in defined() if HOLLOW & set(words(each.name)[:1])] == []


def test_a_class_name_is_one_class() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path, kind, name in defined():
        if kind == "class" and not name.startswith("_") and path.parts[0] != "tests":
            places[name].append(str(path))
    shared = {name: where for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in shared.items() if any(path.startswith("harkara") for path in where)} == {}


def words(text: str) -> list[str]:
    """The words of a sentence or of a name, in lower case: `WebhookReceiver` and `webhook_receiver` have two."""
    return [word.lower() for word in _WORD.findall(text)]


def with_retired_words(text: str) -> list[str]:
    """The names and words of a text that have retired words."""
    return [each for each in set(_LETTERS.findall(text)) if is_retired(each)]


@cache
def is_retired(letters: str) -> bool:
    return not INSTEAD.keys().isdisjoint(words(letters))


def written() -> Iterator[Path]:
    """Every file that people read, relative to the root, but for vendored ones, migrations and this list."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in WRITTEN]
    for path in sorted(paths) + [path for path in sorted(ROOT.iterdir()) if path.is_file() and readable(path)]:
        if not {"static", "versions", *CUSTOMERS} & set(path.parts) and path != Path(__file__):
            yield path.relative_to(ROOT)


def readable(path: Path) -> bool:
    return path.suffix in WRITTEN | {".example"} or path.name in ("Makefile", "Procfile", "Dockerfile")


@cache
def defined() -> list[Defined]:
    """Every function and class, found in the text: to parse all files takes 20 times as long."""
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if "versions" not in path.parts]
    return [
        Defined(path.relative_to(ROOT), *found)
        for path in paths
        for found in _DEFINITION.findall(path.read_text("utf-8"))
    ]
