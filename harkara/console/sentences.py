"""Sentences that rows keep in English: their translation, found by the template that a sentence was made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")

_PATTERNS: Final[Mapping[str, str]] = {
    "number": r"[\d,.]+\+?",
    "share": r"[\d.,e+]+ %",
    "duration": r"[\d.,e+]+ (?:s|min|h|days)",
    "at": r"(?:\d{1,2} [A-Z][a-z]{2} )?\d\d:\d\d|\d{4}-\d\d-\d\dT\S+",
    "word": r"\S+",
}
"""What a placeholder may stand for, by its name; any other stands for any text."""


class Sentences:
    """The sentences of the product in one language. What people or providers have written is not among them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._exact = {text: said for text, said in texts.items() if "%(" not in text}
        longest_first = sorted(texts.keys() - self._exact.keys(), key=lambda text: (-len(text), text))
        self._templates = [(_pattern(text), texts[text]) for text in longest_first]

    def find(self, text: str) -> str | None:
        """Return the translation; None if this is no sentence of the product.

        A placeholder may stand for a sentence in turn, such as the reason of a halt; other values stay as they are.
        """
        if text in self._exact:
            return self._exact[text]
        for pattern, said in self._templates:
            if match := pattern.fullmatch(text):
                return said % {name: self.find(value) or value for name, value in match.groupdict().items()}
        return None


@cache
def load_sentences(folder: Path) -> Mapping[str, str]:
    """Return the translation of each sentence or template in the files of a folder, none if it does not exist."""
    return dict(_texts(folder))


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.glob("*.po")):
        with file.open("rb") as source:
            yield from ((str(each.id), str(each.string)) for each in read_po(source) if each.id)


def _pattern(text: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(text)
    literals, names = parts[::2], [*parts[1::2], None]
    found = "".join(
        re.escape(literal) + (_group(name) if name else "") for literal, name in zip(literals, names, strict=True)
    )
    return re.compile(found, re.DOTALL)


def _group(name: str) -> str:
    return f"(?P<{name}>{_PATTERNS.get(name.rstrip('0123456789'), '.+?')})"
