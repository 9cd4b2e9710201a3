"""Read a text as people see it: ASCII digits, no invisible characters, one kind of space and dash."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u3164\uffa0"
"""What Unicode calls default-ignorable although its category is not Cf."""

# Cyrillic and Greek letters that are drawn as Latin ones (Unicode confusables.txt), in lower case.
_CONFUSABLE = str.maketrans("аеорсухіјѕкмтвнԁαορικνχυβ", "aeopcyxijskmtbhdaopiknxub")

_LOOK_ALIKES = str.maketrans("oilszb|!q", "011528119")
_DIGIT_LIKE = re.compile(r"[0-9oilszbq|!]+")
_ZEROS_AND_ONES = re.compile(r"[oil|]{1,4}[\W_]{1,3}[0-9oil|]+(?!\w)")
"""A group of letters alone that is part of a number, since a group of digits follows."""
_TOKEN = re.compile(r"[\w|!]+")
_NEAR = 3
"""How many characters there may be between two groups of digits of one number."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What is visible of a text, in lower case. `places` has the index in the text of each character."""

    plain: str
    numeric: str
    """As long as `plain`; letters within a number that resemble digits are digits: 4O12 is 4012."""
    places: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters `start` to `end` of the skeleton are in the text."""
        return self.places[start], self.places[end - 1] + 1


def read_skeleton(text: str) -> Skeleton:
    """Return the skeleton of a text."""
    visible: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        shown = _visible(character)
        if _is_stroke(character) and visible and visible[-1].isascii():
            continue
        visible.extend(shown)
        places.extend([place] * len(shown))
    plain = "".join(visible)
    return Skeleton(plain, _with_look_alikes(plain), tuple(places))


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    if character.isascii():
        return character.lower()
    kind = unicodedata.category(character)
    if kind in ("Cf", "Me") or character in _INVISIBLE or "\ufe00" <= character <= "\ufe0f":
        return ""
    if digit := _digit(character):
        return digit
    if kind == "Pd" or character == "\u2212":
        return "-"
    if kind in ("Zs", "Zl", "Zp"):
        return "\n" if kind != "Zs" else " "
    return unicodedata.normalize("NFKC", character).lower().translate(_CONFUSABLE)


def _digit(character: str) -> str:
    """Return the value of a digit of any script, also of ①, ❶ and ⑴; of another sign, such as 一, if it is whole.

    A sign that stands for letters, such as the Roman Ⅳ, is none.
    """
    value: float | None = unicodedata.digit(character, None)
    if value is None and unicodedata.normalize("NFKC", character) == character:
        value = unicodedata.numeric(character, None)
    return str(int(value)) if value is not None and value in range(100) else ""


@lru_cache(maxsize=4096)
def _is_stroke(character: str) -> bool:
    """Whether it only decorates the character before, as the line through a digit. Vowel signs follow their letter."""
    return unicodedata.category(character) == "Mn"


def _with_look_alikes(plain: str) -> str:
    parts: list[str] = []
    done, numeric_until = 0, -_NEAR - 1
    for token in _TOKEN.finditer(plain):
        word = token[0]
        if not _DIGIT_LIKE.fullmatch(word):
            continue
        between = token.start() - numeric_until <= _NEAR and _ZEROS_AND_ONES.match(plain, token.start())
        if between or any("0" <= each <= "9" for each in word):
            parts += [plain[done : token.start()], word.translate(_LOOK_ALIKES)]
            done = numeric_until = token.end()
    return "".join(parts) + plain[done:]
