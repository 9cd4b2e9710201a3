"""Emoji, counted as people see them: one family or one flag is one."""

from __future__ import annotations

import regex

# A picture by itself or by the selector U+FE0F, or a keycap: so © and ™ are letters until someone asks for more.
_EMOJI = regex.compile(r"\p{Emoji_Presentation}(?!\uFE0E)|\p{Extended_Pictographic}\uFE0F|[0-9#*]\uFE0F?\u20E3")
_PICTOGRAPH = regex.compile(r"\p{Extended_Pictographic}")
_GRAPHEME = regex.compile(r"\X")
_LETTER = regex.compile(r"\p{L}")
_VISIBLE = regex.compile(r"[^\s\p{Cf}]")


def count(text: str) -> int:
    """How many emoji the text has."""
    if not _EMOJI.search(text):
        return 0
    return sum(1 for grapheme in _GRAPHEME.findall(text) if not grapheme.isascii() and _EMOJI.search(grapheme))


def alone(text: str) -> bool:
    """Whether the text has emoji and nothing else that can be seen."""
    if _LETTER.search(text) or not _EMOJI.search(text):
        return False
    rest = "".join(grapheme for grapheme in _GRAPHEME.findall(text) if not _EMOJI.search(grapheme))
    return not _VISIBLE.search(rest)


def is_one(text: str) -> bool:
    """Whether the text is exactly one emoji. A bare ❤, which WhatsApp draws in colour, is one as well."""
    return bool(_GRAPHEME.fullmatch(text) and (_EMOJI.search(text) or _PICTOGRAPH.search(text)))
