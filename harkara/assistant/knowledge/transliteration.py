"""Write Devanagari in Latin letters, roughly as people in India type Hindi: कब आएगा is `kab aega`."""

from __future__ import annotations

import unicodedata

import regex

_CONSONANTS = dict(
    zip(
        "कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहळ",
        "k kh g gh n ch chh j jh n t th d dh n t th d dh n p ph b bh m y r l v sh sh s h l".split(),
        strict=True,
    )
)
_DOTTED = {"ज": "z", "फ": "f"}
"""Consonants that a dot beneath, the nukta, changes; the others sound nearly the same with it."""

_VOWELS = dict(zip("अआइईउऊऋएऐओऔऑऍऎऒ", "a aa i ee u oo ri e ai o au o e e o".split(), strict=True))
_SIGNS = dict(zip("ािीुूृेैोौॉॅॆॊ", "aa i ee u oo ri e ai o au o e e o".split(), strict=True))
_NASALS = "ंँ"
_NUKTA, _VIRAMA, _VISARGA = "़", "्", "ः"

_INHERENT = "ə"
"""The short vowel that a consonant without a sign has, until it is known whether people speak and type it."""

_FINAL = regex.compile(rf"(?<=[^{_INHERENT}]){_INHERENT}$")
_BETWEEN = regex.compile(
    rf"(?r)(?<=[aeiou{_INHERENT}]n?[bcdfghjklmnprstvyz]+){_INHERENT}(?=[bcdfghjklmnprstvyz]+[aeiou{_INHERENT}])"
)

DEVANAGARI = regex.compile(r"\p{Script=Devanagari}")


def transliterate(word: str) -> str:
    """Return a word with its Devanagari in lower-case Latin letters; other characters stay."""
    if not DEVANAGARI.search(word):
        return word
    marks = unicodedata.normalize("NFD", word)
    written = "".join(_latin(mark, marks[at + 1 : at + 3]) for at, mark in enumerate(marks))
    return _BETWEEN.sub("", _FINAL.sub("", written)).replace(_INHERENT, "a")


def _latin(mark: str, after: str) -> str:
    if consonant := _CONSONANTS.get(mark):
        if after[:1] == _NUKTA:
            consonant, after = _DOTTED.get(mark, consonant), after[1:]
        return consonant if after[:1] and after[0] in _VIRAMA + "".join(_SIGNS) else consonant + _INHERENT
    if mark in _NASALS:
        return "n"
    if mark in (_NUKTA, _VIRAMA, _VISARGA):
        return ""
    if "०" <= mark <= "९":
        return str(unicodedata.digit(mark))
    return _VOWELS.get(mark) or _SIGNS.get(mark) or mark
