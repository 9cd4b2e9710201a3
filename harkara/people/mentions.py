"""Mentions of one person in texts: the names, numbers also as people write them, and inside WhatsApp's message ids."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass, field

import phonenumbers

from harkara.people.names import is_user_id

SEPARATORS = " -.()"
"""What people write between the digits of a number."""

_SHORTEST_NATIONAL = 9
"""Digits. A shorter number without its country code may be anything."""


@dataclass(frozen=True)
class Mentions:
    """All names of one person, and how to find them in a text.

    `needles` are substrings, one of which is in every text that mentions the person: those of digits alone once
    SEPARATORS are removed from the text, the others in the text as it is.
    """

    names: tuple[str, ...] = field(repr=False)
    needles: tuple[str, ...] = field(repr=False)
    _pattern: re.Pattern[str] = field(repr=False)

    @classmethod
    def of(cls, names: Collection[str]) -> Mentions:
        ordered = tuple(sorted(names, key=lambda name: (is_user_id(name), name)))
        needles = dict.fromkeys(one for name in ordered for one in _needles(name))
        return cls(ordered, tuple(needles), re.compile("|".join(map(_regex, ordered))))

    def in_text(self, text: str) -> bool:
        """Return whether the text mentions the person."""
        return self._pattern.search(text) is not None

    def replace(self, text: str, by: str) -> str:
        """Return the text with `by` in place of each mention."""
        return self._pattern.sub(by, text)


def _needles(name: str) -> tuple[str, ...]:
    if is_user_id(name):
        return (name,)
    return (_national(name)[1], *_encoded(name))


def _regex(name: str) -> str:
    if is_user_id(name):
        return rf"(?<![A-Za-z0-9.]){re.escape(name)}(?![A-Za-z0-9])"
    code, national = _national(name)
    between = rf"[{re.escape(SEPARATORS)}]{{0,3}}"
    optional_code = rf"(?:(?:\+|00)?{between.join(code)}{between})?0?" if code else ""
    return rf"{optional_code}{between.join(national)}|{'|'.join(map(re.escape, _encoded(name)))}"


def _national(name: str) -> tuple[str, str]:
    """Return the country code and the rest of a number; an empty code if the rest alone is too short to be found."""
    try:
        code = str(phonenumbers.parse(f"+{name}").country_code)
    except phonenumbers.NumberParseException:
        return "", name
    national = name[len(code) :]
    return (code, national) if len(national) >= _SHORTEST_NATIONAL else ("", name)


def _encoded(name: str) -> tuple[str, ...]:
    """Return how the digits look in an id such as `wamid.HBgMOTE5ODc2…`: in Base64, after a multiple of three bytes.

    The last character also depends on the byte that follows them, unless their number is a multiple of three.
    """
    characters = -(-len(name) * 8 // 6)
    following = (name.encode() + bytes([byte]) for byte in range(256))
    return tuple(sorted({b64encode(each).decode()[:characters] for each in following}))
