"""Sentences that rows keep in English: their translation, found by the template that a sentence was made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

_PLACEHOLDER = re.compile(r"%\((\w+?)(\d*)\)s")

_PATTERNS: Final[Mapping[str, str]] = {
    "number": r"\d[\d,.]*\+?",
    "money": r"[\d,]+\.\d\d [A-Z]{3}",
    "share": r"[\d.,e+]+ %",
    "duration": r"[\d.,e+]+ (?:s|min|h|days)",
    "at": r"(?:\d{1,2} [A-Z][a-z]{2} )?\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)",
    "word": r"\S+",
}
"""What a placeholder may stand for, by its name; any other stands for any text."""

_SENTENCES: Final = ("reason", "duration")
"""Placeholders whose values may be sentences of the product in turn, such as the reason of a halt."""

_PART: Final = "part"
"""A placeholder whose value is always one: without its translation the whole has none."""

_END = re.compile(r"(?<=\.) ")

Show = Callable[[str, str], str]
"""Called with the name of a placeholder and its value; returns how the language writes the value."""


def _as_it_is(_name: str, value: str) -> str:
    return value


class Sentences:
    """The sentences of the product in one language. What people or providers have written is not among them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._exact = {text: said for text, said in texts.items() if "%(" not in text}
        longest_first = sorted(texts.keys() - self._exact.keys(), key=lambda text: (-len(text), text))
        self._templates = [(text.partition("%(")[0], _pattern(text), texts[text]) for text in longest_first]

    def find(self, text: str, show: Show = _as_it_is) -> str | None:
        """Return the translation of one sentence or of several; None if any of them is not of the product."""
        return self._one(text, show) or self._several(text, show)

    def _one(self, text: str, show: Show) -> str | None:
        if text in self._exact:
            return self._exact[text]
        for beginning, pattern, said in self._templates:
            # A page asks for hundreds of sentences, and a beginning is compared ten times as fast as a pattern.
            if not text.startswith(beginning):
                continue
            if (match := pattern.fullmatch(text)) and (filled := self._filled(said, match, show)):
                return filled
        return None

    def _several(self, text: str, show: Show) -> str | None:
        for end in reversed(list(_END.finditer(text))):
            last = self._one(text[end.end() :], show)
            if last and (others := self.find(text[: end.start()], show)):
                return f"{others} {last}"
        return None

    def _filled(self, said: str, match: re.Match[str], show: Show) -> str | None:
        """Fill the values in. Other values than sentences, numbers, amounts and times stay as they are."""
        values: dict[str, str] = {}
        for place, value in match.groupdict().items():
            name = place.rstrip("0123456789")
            found = self.find(value, show) if name in (*_SENTENCES, _PART) else show(name, value)
            if found is None and name == _PART:
                return None
            values[place] = value if found is None else found
        return _PLACEHOLDER.sub(lambda place: values[place[1] + place[2]], said)


@cache
def load_sentences(folder: Path) -> Mapping[str, str]:
    """Return the translation of each sentence or template in the files of a folder, none if it does not exist."""
    return dict(_texts(folder))


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.glob("*.po")):
        with file.open("rb") as source:
            yield from ((str(each.id), str(each.string)) for each in read_po(source) if each.id)


def _pattern(text: str) -> re.Pattern[str]:
    found, end = "", 0
    for place in _PLACEHOLDER.finditer(text):
        name = place[1] + place[2]
        found += f"{re.escape(text[end : place.start()])}(?P<{name}>{_PATTERNS.get(place[1], '.+?')})"
        end = place.end()
    return re.compile(found + re.escape(text[end:]), re.DOTALL)
