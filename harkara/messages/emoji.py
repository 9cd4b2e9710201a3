"""Count emoji as people see them: a family or a flag is one emoji, although it has several characters."""

from __future__ import annotations

import regex

# A pictograph by itself or with the selector U+FE0F, or a keycap. Without the selector, © and ™ are letters.
_EMOJI = regex.compile(r"\p{Emoji_Presentation}(?!\uFE0E)|\p{Extended_Pictographic}\uFE0F|[0-9#*]\uFE0F?\u20E3")
_PICTOGRAPH = regex.compile(r"\p{Extended_Pictographic}")
_GRAPHEME = regex.compile(r"\X")
_LETTER = regex.compile(r"\p{L}")
_VISIBLE = regex.compile(r"[^\s\p{Cf}]")


def count_emoji(text: str) -> int:
    """Return the number of emoji in the text."""
    if not _EMOJI.search(text):
        return 0
    return sum(1 for grapheme in _GRAPHEME.findall(text) if not grapheme.isascii() and _EMOJI.search(grapheme))


def is_only_emoji(text: str) -> bool:
    """Whether emoji are all that is visible of the text."""
    if _LETTER.search(text) or not _EMOJI.search(text):
        return False
    rest = "".join(grapheme for grapheme in _GRAPHEME.findall(text) if not _EMOJI.search(grapheme))
    return not _VISIBLE.search(rest)


def is_single_emoji(text: str) -> bool:
    """Whether the text is exactly one emoji. A bare ❤ counts, since WhatsApp draws it in color."""
    return bool(_GRAPHEME.fullmatch(text) and (_EMOJI.search(text) or _PICTOGRAPH.search(text)))
