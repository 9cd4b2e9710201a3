"""Find the names that a text says are names: `my name is Asha Verma`, `mera naam Asha hai`, `patient name: Asha`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harkara.assistant.privacy.found import Found

_MOST_WORDS = 3
_WORD = r"[a-z\u0900-\u097f][a-z\u0900-\u097f.'\-]+"
_NAME = re.compile(rf"\s{{0,3}}({_WORD})")
_SAID = re.compile(
    r"(?<![a-z])(?<!company )(?<!product )(?<!brand )(?<!shop )(?<!item )(?<!file )(?<!user )"
    r"(?:name(?:'s| is|\s?[:=]|\s-)|myself,?)(?=\s)|नाम\s?[:=]"
)
_HINDI = re.compile(
    rf"(?:(?<![a-z])naa?m|नाम)\s+((?:{_WORD}\s+){{1,{_MOST_WORDS}}})(?:hai|h|he|hain|है|हैं)(?![a-z\u0900-\u097f])"
)
_ORDINARY = frozenset(
    """
    a an and are as at but by can do for from has have hi i in is it me my name no not of on or our please she he so
    that the their there they this to was we what where which who why will with you your wrong incorrect correct missing
    same different changed change spelled spelt written misspelled printed showing invalid required needed mentioned
    above below order number phone mobile address email bill account
    aur ka ki ke ko kya kaun kis se me mein galat sahi alag nahi nahin badal badalna likha likhna hai h mera
    meri aapka apka iska uska wahi vahi same abhi bhi to
    और का की के को क्या कौन से में गलत सही नहीं है मेरा मेरी आपका लिखा बदलना
    """.split()
)


def find_names_said(text: str) -> Iterator[Found]:
    """Yield names of people in a skeleton's text, at most three words each."""
    for said in _SAID.finditer(text):
        yield from _words(text, said.end())
    for said in _HINDI.finditer(text):
        words = said[1].split()
        if not _ORDINARY.intersection(words):
            yield Found(said.start(1), said.start(1) + len(said[1].rstrip()), "name")


def _words(text: str, at: int) -> Iterator[Found]:
    """The words of a name, up to the first one that is none."""
    first, end = None, at
    for _ in range(_MOST_WORDS):
        match = _NAME.match(text, end)
        if match is None or "\n" in match[0] or match[1].strip(".'-") in _ORDINARY:
            break
        first, end = match.start(1) if first is None else first, match.end(1)
        if text[end : end + 1] in (",", ";") or match[1].endswith("."):
            break
    if first is not None:
        yield Found(first, first + len(text[first:end].rstrip(".'-")), "name")
