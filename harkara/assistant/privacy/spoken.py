"""Read numbers that are written in words, one digit after the other: `nine eight double seven` is 9877."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

_DIGITS = {
    word: str(value)
    for value, words in enumerate(
        (
            "zero shunya sunya shoonya शून्य जीरो ज़ीरो",
            "one ek एक वन",
            "two टू",
            "three teen tin तीन थ्री",
            "four char chaar चार फोर",
            "five panch paanch पांच पाँच फाइव",
            "six chhe chhah छह छः छे सिक्स",
            "seven saat सात सेवन",
            "eight aath आठ एट",
            "nine nau नौ नाइन",
        )
    )
    for word in words.split()
}
_ALSO_ORDINARY = {"do": "2", "दो": "2", "to": "2", "for": "4", "che": "6", "sat": "7", "ath": "8", "oh": "0", "o": "0"}
"""Words that are digits only among others that can be nothing else, or among letters that are spelled."""

_ORDINARY_AMONG_LETTERS = {word: digit for word, digit in _ALSO_ORDINARY.items() if word != "o"}

_TEENS = dict(
    zip(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),
        range(10, 20),
        strict=True,
    )
)
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(2, 10), strict=True))
_TIMES = {"double": 2, "triple": 3, "treble": 3, "डबल": 2, "ट्रिपल": 3}
_FILLERS = frozenset("dash hyphen space then phir फिर".split())

_WORDS = frozenset({*_DIGITS, *_TEENS, *_TENS, *_FILLERS})
"""A text without any of them has no number in words."""

_WORDS_AMONG_LETTERS = _WORDS | _ORDINARY_AMONG_LETTERS.keys()

_TOKEN = re.compile(r"[a-z]+|[\u0900-\u097f]+|[0-9]+")
_GAP = re.compile(r"[\s,.;:/()_\-]{0,3}")
_FEWEST, _LONG = 3, 10
"""Words of digits in a row that are no amount and no phrase; or digits in groups between fillers."""


class Spoken(NamedTuple):
    """A text with digits for the words, spaces between them, and where each character is in the original."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters `start` to `end` are in the original."""
        return self.starts[start], self.ends[end - 1]


class _Digit(NamedTuple):
    digit: str
    start: int
    end: int


def read_spoken(text: str) -> Spoken | None:
    """Return a skeleton's text with digits for numbers in words; None without any."""
    return _read(text, _FEWEST, _may_belong, _ALSO_ORDINARY, _WORDS)


def read_spelled(text: str) -> Spoken | None:
    """Return a skeleton's text with a digit for each word that may be one, also alone and among single letters.

    So an identifier is read whose letters are spelled: `two seven A B C`. An ordinary word such as `to` is a digit only
    if three words of the run or more may be digits. None without any such word.
    """
    return _read(
        text, 0, lambda word: len(word) == 1 or _may_belong(word), _ORDINARY_AMONG_LETTERS, _WORDS_AMONG_LETTERS
    )


def _read(
    text: str, fewest: int, belongs: Callable[[str], bool], ordinary: Mapping[str, str], words: Set[str]
) -> Spoken | None:
    if words.isdisjoint(_TOKEN.findall(text)):
        return None
    runs = [digits for run in _runs(text, belongs) if (digits := _digits(run, fewest, ordinary))]
    if not runs:
        return None
    read: list[_Digit] = []
    done = 0
    for run in runs:
        read += (_Digit(text[at], at, at + 1) for at in range(done, run[0].start))
        read += run
        done = run[-1].end
    read += (_Digit(text[at], at, at + 1) for at in range(done, len(text)))
    return Spoken("".join(one.digit for one in read), [one.start for one in read], [one.end for one in read])


def _runs(text: str, belongs: Callable[[str], bool]) -> Iterator[list[re.Match[str]]]:
    """Yield the words and groups of digits that may be parts of one number."""
    run: list[re.Match[str]] = []
    for token in _TOKEN.finditer(text):
        if not belongs(token[0]):
            if run:
                yield run
            run = []
            continue
        if run and not _GAP.fullmatch(text, run[-1].end(), token.start()):
            yield run
            run = []
        run.append(token)
    if run:
        yield run


def _may_belong(word: str) -> bool:
    lists = (_DIGITS, _ALSO_ORDINARY, _TEENS, _TENS, _TIMES, _FILLERS)
    return word[0].isdecimal() or any(word in words for words in lists)


def _digits(run: Sequence[re.Match[str]], fewest: int, ordinary: Mapping[str, str]) -> list[_Digit]:
    """Return the digits of a run, and its single letters; none if too few of its words are nothing but digits."""
    while run and run[-1][0] in _FILLERS:
        run = run[:-1]
    words = sum(token[0] in _DIGITS or token[0] in _TEENS or token[0] in _TENS for token in run)
    written = sum(len(token[0]) for token in run if token[0].isdecimal())
    filled = any(token[0] in _FILLERS for token in run) and written >= _LONG
    if words < fewest and not filled:
        return []
    if words + sum(token[0] in ordinary for token in run) < _FEWEST and not filled:
        ordinary = {}
    found: list[_Digit] = []
    times: tuple[int, int] | None = None
    for at, token in enumerate(run):
        word, start, end = token[0], token.start(), token.end()
        if word in _TIMES:
            times = (_TIMES[word], start)
        elif word not in _FILLERS:
            after = run[at + 1][0] if at + 1 < len(run) else ""
            digits = _value(word, after, ordinary)
            number, start = times or (1, start)
            found += [_Digit(" ", found[-1].end, start)] if found else []  # as between groups of digits
            found += [_Digit(digit, start, end) for digit in digits * number]
            times = None
    return found


def _value(word: str, after: str, ordinary: Mapping[str, str]) -> str:
    if word in _TEENS:
        return str(_TEENS[word])
    if word in _TENS:
        return str(_TENS[word]) if _DIGITS.get(after, "0") != "0" else f"{_TENS[word]}0"
    return _DIGITS.get(word) or ordinary.get(word) or word
